import { type EscapeToken, expandWord, type StageInstruction } from '@tsbuild/parser'
import type { Env } from './env.js'

/** Whether an instruction makes a step that progress counts. */
export function isStep(instruction: StageInstruction): boolean {
  return ['run', 'copy', 'add', 'workdir'].includes(instruction.kind)
}

/** Counts a stage's steps and names them as BuildKit's progress does: `[build 2/5] RUN make`. */
export class StepNames {
  readonly #label: string
  readonly #total: number
  #count = 0

  constructor(label: string, total: number) {
    this.#label = label
    this.#total = total
  }

  next(text: string): string {
    this.#count++
    const width = String(this.#total).length
    return `[${this.#label === '' ? '' : `${this.#label} `}${String(this.#count).padStart(width)}/${this.#total}] ${text}`
  }
}

/** The environment as a step's name may show it: what a RUN gets from a secret is hidden. */
export function shownEnv(instruction: StageInstruction, env: Env): Env {
  if (instruction.kind !== 'run') return env
  const names = instruction.mounts.flatMap((mount) =>
    mount.type === 'secret' && mount.env !== undefined ? [mount.env] : [],
  )
  return names.reduce((shown, name) => shown.with(name, '****'), env)
}

/** The instruction as progress shows it: one line, with the variables that are known. A text that can't be expanded stays as it is. */
export function displayText(code: string, env: Env, options: { readonly escape: EscapeToken }): string {
  try {
    return expandWord(code, env, { ...options, skipUnset: true, rawQuotes: true, rawEscapes: true }).value
  } catch {
    return code
  }
}
