import { posix } from 'node:path'
import type { ArgDeclaration, EscapeToken, RunInstruction, Stage } from '../ast.js'
import { expandInstruction } from '../instructions/expand-instruction.js'
import type { GlobalArgs } from '../lint/globals.js'
import { expandWord } from '../shell/word.js'
import type { OutlineArg, OutlineMount } from './outline.js'

/** What one stage takes from outside. */
export interface StageOutline {
  readonly args: readonly OutlineArg[]
  readonly secrets: readonly OutlineMount[]
  readonly ssh: readonly OutlineMount[]
  /** Names that an ARG without value takes from above the first FROM. */
  readonly usedGlobals: readonly string[]
  /** Variables at the stage's end. */
  readonly env: ReadonlyMap<string, string>
}

export interface StageOutlineOptions {
  readonly escape: EscapeToken
  readonly buildArgs: ReadonlyMap<string, string>
  readonly globals: GlobalArgs
  /** Variables of the stage that this one starts from. */
  readonly inherited: ReadonlyMap<string, string> | undefined
}

/** Follows one stage's ARG, ENV and RUN. @throws {ParseError} `EXPANSION_FAILED` */
export function stageOutline({ instructions }: Stage, options: StageOutlineOptions): StageOutline {
  const { escape } = options
  const env = new Map(options.inherited)
  const args = new Map<string, OutlineArg>()
  const secrets: OutlineMount[] = []
  const ssh: OutlineMount[] = []
  const usedGlobals: string[] = []
  for (const instruction of instructions) {
    if (instruction.kind === 'arg') {
      for (const declaration of instruction.args) {
        const { key, comment } = declaration
        const { value, global } = valueOf(declaration, env, options)
        if (value !== undefined) env.set(key, value)
        if (global) {
          usedGlobals.push(key)
          continue
        }
        args.set(key, {
          name: key,
          ...(value === undefined ? {} : { value }),
          ...(comment === undefined ? {} : { description: comment }),
          range: instruction.range,
        })
      }
    } else if (instruction.kind === 'env') {
      for (const { key, value } of expandInstruction(instruction, env, { escape }).instruction.pairs)
        env.set(key, value)
    } else if (instruction.kind === 'run') {
      const run = expandInstruction(instruction, env, { escape }).instruction
      secrets.push(...mountsOf(run, 'secret'))
      ssh.push(...mountsOf(run, 'ssh'))
    }
  }
  return { args: [...args.values()], secrets, ssh, usedGlobals, env }
}

function valueOf(
  { key, value }: ArgDeclaration,
  env: ReadonlyMap<string, string>,
  { buildArgs, globals, escape }: StageOutlineOptions,
): { readonly value: string | undefined; readonly global: boolean } {
  const given = buildArgs.get(key)
  if (given !== undefined) return { value: given, global: false }
  if (value !== undefined) return { value: expandWord(value, env, { escape }).value, global: false }
  return { value: globals.values.get(key), global: globals.names.has(key) }
}

function mountsOf({ mounts, range }: RunInstruction, wanted: 'secret' | 'ssh'): OutlineMount[] {
  return mounts.flatMap(({ type, id, target, required }) => {
    if (type !== wanted) return []
    const name = id ?? (wanted === 'ssh' ? 'default' : posix.basename(target ?? ''))
    return [{ name, required: required === true, range }]
  })
}
