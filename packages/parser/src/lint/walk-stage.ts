import type { ArgInstruction, EscapeToken, StageInstruction } from '../ast.js'
import { ParseError } from '../errors.js'
import { expandInstruction } from '../instructions/expand-instruction.js'
import { expandWord } from '../shell/word.js'
import type { BaseImage } from './analysis.js'

/** What a stage leaves to those that start from it. */
export interface StageState {
  readonly env: ReadonlyMap<string, string>
  /** Whether the base image's part of it is known. */
  readonly envKnown: boolean
  readonly argNames: ReadonlySet<string>
  readonly shellSet: boolean
  readonly workdirSet: boolean
}

/** One instruction, expanded, with what the rules want to know of the moment. */
export interface Step {
  readonly instruction: StageInstruction
  /** Variables used without being set, and the names that were meant perhaps. */
  readonly undefinedVariables: readonly { readonly name: string; readonly candidates: readonly string[] }[]
  /** Whether a SHELL is in force. */
  readonly shellSet: boolean
  /** Whether a WORKDIR came before. */
  readonly workdirSet: boolean
}

export interface WalkOptions {
  readonly escape: EscapeToken
  readonly buildArgs: ReadonlyMap<string, string>
  readonly globals: ReadonlyMap<string, string>
  readonly image?: BaseImage
  readonly inherited?: StageState | undefined
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Arguments that steer attestations and never reach the environment. */
const notInEnvironment = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'])

/** Follows a stage's instructions. One that can't be expanded ends the walk: the build reports it. */
export function walkStage(
  instructions: readonly StageInstruction[],
  options: WalkOptions,
): { readonly steps: readonly Step[]; readonly state: StageState } {
  const walk = new StageWalk(options)
  const steps: Step[] = []
  try {
    for (const instruction of instructions) steps.push(walk.step(instruction))
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
  }
  return { steps, state: walk.state() }
}

class StageWalk {
  private readonly options: WalkOptions
  private readonly env: Map<string, string>
  private readonly envKnown: boolean
  private readonly argNames: Set<string>
  private shellSet: boolean
  private workdirSet: boolean

  constructor(options: WalkOptions) {
    const { inherited, image } = options
    this.options = options
    this.env = new Map(inherited?.env ?? imageEnv(image))
    this.envKnown = inherited?.envKnown ?? image !== undefined
    this.argNames = new Set(inherited?.argNames)
    this.shellSet = inherited?.shellSet ?? (image?.shell ?? []).length > 0
    this.workdirSet = inherited?.workdirSet ?? false
  }

  state(): StageState {
    const { env, envKnown, argNames, shellSet, workdirSet } = this
    return { env, envKnown, argNames, shellSet, workdirSet }
  }

  step(instruction: StageInstruction): Step {
    const { escape } = this.options
    const unmatched: string[] = []
    const before = this.env.size
    const { shellSet, workdirSet } = this
    if (instruction.kind === 'arg') unmatched.push(...this.declare(instruction))
    const expanded = expandInstruction(instruction, this.env, { escape })
    unmatched.push(...expanded.unmatched.filter((name) => !this.argNames.has(name)))
    this.apply(expanded.instruction)
    const names = this.envKnown ? unmatched.filter((name) => !notInEnvironment.has(name)) : []
    const candidates = names.length === 0 ? [] : [...this.env.keys()].slice(0, before)
    return {
      instruction: expanded.instruction,
      undefinedVariables: names.map((name) => ({ name, candidates })),
      shellSet,
      workdirSet,
    }
  }

  /** Gives the ARGs of an instruction their values, one after the other; returns the unset names in their defaults. */
  private declare({ args }: ArgInstruction): readonly string[] {
    const { buildArgs, globals, escape } = this.options
    const unmatched: string[] = []
    for (const { key, value } of args) {
      let result = buildArgs.get(key)
      if (result === undefined && value !== undefined) {
        const expansion = expandWord(value, this.env, { escape })
        unmatched.push(...expansion.unmatched.filter((name) => !this.argNames.has(name)))
        result = expansion.value
      }
      result ??= globals.get(key)
      if (result !== undefined && !notInEnvironment.has(key)) this.env.set(key, result)
      this.argNames.add(key)
    }
    return unmatched
  }

  private apply(instruction: StageInstruction): void {
    if (instruction.kind === 'env') for (const { key, value } of instruction.pairs) this.env.set(key, value)
    if (instruction.kind === 'shell') this.shellSet = true
    if (instruction.kind === 'workdir') this.workdirSet = true
  }
}

function imageEnv(image: BaseImage | undefined): ReadonlyMap<string, string> {
  const env = new Map([['PATH', defaultPath]])
  for (const pair of image?.env ?? []) {
    const at = pair.indexOf('=')
    env.set(at < 0 ? pair : pair.slice(0, at), at < 0 ? '' : pair.slice(at + 1))
  }
  return env
}
