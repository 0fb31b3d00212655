import type { SourceRange } from '@tsbuild/spec'
import type { Dockerfile, Stage } from '../ast.js'
import { ParseError } from '../errors.js'
import { analyze, findTarget, type LintOptions } from '../lint/analysis.js'
import { reachableStages, stageGraph } from '../lint/stages.js'
import { expandWord } from '../shell/word.js'
import { type StageOutline, stageOutline } from './stage-outline.js'

/** A build argument that a target takes. */
export interface OutlineArg {
  readonly name: string
  /** With the given build arguments and all variables replaced; absent where it has none. */
  readonly value?: string
  /** The comment above that starts with the name, the name left out. */
  readonly description?: string
  readonly range: SourceRange
}

/** A secret or SSH agent that a RUN mounts. */
export interface OutlineMount {
  readonly name: string
  readonly required: boolean
  readonly range: SourceRange
}

/** What a target takes from outside. Each list comes by line. */
export interface Outline {
  readonly name?: string
  readonly description?: string
  readonly args: readonly OutlineArg[]
  readonly secrets: readonly OutlineMount[]
  readonly ssh: readonly OutlineMount[]
}

export type OutlineOptions = Pick<LintOptions, 'target' | 'buildArgs' | 'targetPlatform' | 'buildPlatform'>

/** The arguments, secrets and agents of the stages that a target reaches, as `--call=outline` shows them. Arguments above the first
 * FROM count where a FROM or an ARG of those stages uses them; platform arguments do not.
 * @throws {ParseError} `INSTRUCTION_INVALID` for a target that is not there, `EXPANSION_FAILED` */
export function outlineOf(dockerfile: Dockerfile, options: OutlineOptions = {}): Outline {
  const target = findTarget(dockerfile, options.target)
  if (target === undefined)
    throw new ParseError('INSTRUCTION_INVALID', `target stage "${options.target ?? ''}" could not be found`)
  const { globals, stages: heads } = analyze(dockerfile, options)
  const baseNames = heads.map(({ baseName }) => baseName.value)
  const graph = stageGraph(dockerfile, baseNames)
  const reached = reachableStages(target, graph, ({ instructions }) => instructions)
  const buildArgs = new Map(Object.entries(options.buildArgs ?? {}))
  const outlines = new Map<number, StageOutline>()
  const usedGlobals = new Set<string>()
  for (const { stage, baseName, platform } of heads) {
    if (!reached.has(stage.index)) continue
    const base = graph.bases.get(stage.index)
    const inherited = base === undefined ? undefined : outlines.get(base.index)?.env
    const found = stageOutline(stage, { escape: dockerfile.escape, buildArgs, globals, inherited })
    outlines.set(stage.index, found)
    for (const name of [...baseName.used, ...(platform?.used ?? []), ...found.usedGlobals]) usedGlobals.add(name)
  }
  const all = nearestFirst(target, graph.bases, outlines)
  const own = all.flatMap(({ args }) => args)
  return {
    ...(target.name === undefined ? {} : { name: target.name }),
    ...(target.comment === undefined ? {} : { description: target.comment }),
    args: byLine([...own, ...globalArgs(dockerfile, usedGlobals, globals.values, buildArgs)]),
    secrets: byLine(all.flatMap(({ secrets }) => secrets)),
    ssh: byLine(all.flatMap(({ ssh }) => ssh)),
  }
}

/** The target, what it starts from, then the rest: the first to declare a name is the one that is shown. */
function nearestFirst(
  target: Stage,
  bases: ReadonlyMap<number, Stage>,
  outlines: ReadonlyMap<number, StageOutline>,
): StageOutline[] {
  const order = new Set<number>()
  for (let at: Stage | undefined = target; at !== undefined; at = bases.get(at.index)) order.add(at.index)
  for (const index of outlines.keys()) order.add(index)
  return [...order].flatMap((index) => outlines.get(index) ?? [])
}

/** ARGs above the first FROM that are used, also by the default of another such one. */
function globalArgs(
  { metaArgs, escape }: Dockerfile,
  used: ReadonlySet<string>,
  values: ReadonlyMap<string, string>,
  buildArgs: ReadonlyMap<string, string>,
): OutlineArg[] {
  const wanted = new Set(used)
  const found: OutlineArg[] = []
  for (const { args, range } of [...metaArgs].reverse()) {
    for (const { key, value, comment } of [...args].reverse()) {
      if (!wanted.has(key)) continue
      if (value !== undefined && !buildArgs.has(key)) {
        for (const name of expandWord(value, values, { escape }).used) wanted.add(name)
      }
      const known = values.get(key)
      found.push({
        name: key,
        ...(known === undefined ? {} : { value: known }),
        ...(comment === undefined ? {} : { description: comment }),
        range,
      })
    }
  }
  return found
}

/** One of each name, by line. */
function byLine<T extends { readonly name: string; readonly range: SourceRange }>(items: readonly T[]): T[] {
  const first = new Map<string, T>()
  for (const item of items) if (!first.has(item.name)) first.set(item.name, item)
  return [...first.values()].sort((a, b) => a.range.startLine - b.range.startLine)
}
