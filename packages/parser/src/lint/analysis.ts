import { hostPlatform, type Platform } from '@tsbuild/spec'
import type { Dockerfile, Stage, StageInstruction } from '../ast.js'
import type { Ignore } from '../ignore/ignore.js'
import { parseOnbuildTrigger } from '../parse-dockerfile.js'
import { type GlobalArgs, globalArgs } from './globals.js'
import { defaultValues, type StageHead, stageHeads } from './stage-heads.js'
import { reachableStages, type StageGraph, stageGraph } from './stages.js'
import { type StageState, type Step, walkStage } from './walk-stage.js'

/** What is known of a base image. */
export interface BaseImage {
  /** `NAME=value` */
  readonly env?: readonly string[]
  readonly shell?: readonly string[]
  readonly onbuild?: readonly string[]
  readonly platform?: Platform
}

export interface LintOptions {
  /** `reachable` (default) looks at the stages that the target needs, as a build does; `all` at every one. */
  readonly stages?: 'reachable' | 'all'
  /** Name or index of the target; default the last stage. */
  readonly target?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  /** Default: this machine's. */
  readonly targetPlatform?: Platform
  readonly buildPlatform?: Platform
  /** Tells of a base image by its name as written after expansion. Where it is unknown, rules that need it hold their tongue. */
  readonly baseImage?: (name: string, platform: string | undefined) => BaseImage | undefined
  /** The context's `.dockerignore`. */
  readonly ignore?: Ignore
  /** Replaces the file's `# check=`. The build argument `BUILDKIT_DOCKERFILE_CHECK` does so too. */
  readonly check?: string
}

/** A stage as the rules see it. */
interface StageAnalysis extends StageHead {
  /** The image that it starts from, where it is no stage and is known. */
  readonly image?: BaseImage
  /** Its instructions in order, triggers of the base first; empty for a stage that isn't looked at. */
  readonly steps: readonly Step[]
}

/** Everything that the rules look at. */
export interface Analysis {
  readonly dockerfile: Dockerfile
  readonly options: LintOptions
  readonly targetPlatform: Platform
  readonly globals: GlobalArgs
  readonly stages: readonly StageAnalysis[]
}

/** Follows the build without building: variables, inherited environment, which stages are needed.
 * @throws {ParseError} for a global ARG or FROM that can't be expanded */
export function analyze(dockerfile: Dockerfile, options: LintOptions): Analysis {
  const targetPlatform = options.targetPlatform ?? hostPlatform()
  const target = findTarget(dockerfile, options.target)
  const buildArgs = new Map(Object.entries(options.buildArgs ?? {}))
  const common = {
    targetPlatform,
    buildPlatform: options.buildPlatform ?? hostPlatform(),
    targetStage: target?.name ?? 'default',
  }
  const globals = globalArgs(dockerfile, { ...common, buildArgs })
  const defaults = defaultValues(() => globalArgs(dockerfile, { ...common, buildArgs: new Map() }))
  const { heads, complete } = stageHeads(dockerfile, globals, defaults)
  const baseNames = heads.map(({ baseName }) => baseName.value)
  const graph = stageGraph(dockerfile, baseNames)
  const images = heads.map(({ stage, baseName, platform }) =>
    graph.bases.has(stage.index) ? undefined : imageOf(options, baseName.value, platform?.value),
  )
  const triggers = dockerfile.stages.map((stage) => triggersOf(stage, graph, images[stage.index]))
  const instructionsOf = (stage: Stage): readonly StageInstruction[] => [
    ...(triggers[stage.index] ?? []),
    ...stage.instructions,
  ]
  const wanted =
    options.stages === 'all' || target === undefined ? undefined : reachableStages(target, graph, instructionsOf)
  const states: (StageState | undefined)[] = []
  const stages = heads.map((stageHead): StageAnalysis => {
    const { index } = stageHead.stage
    const image = images[index]
    const known = image === undefined ? {} : { image }
    if (!complete || (wanted !== undefined && !wanted.has(index))) return { ...stageHead, ...known, steps: [] }
    const base = graph.bases.get(index)
    const { steps, state } = walkStage(instructionsOf(stageHead.stage), {
      escape: dockerfile.escape,
      buildArgs,
      globals: globals.values,
      ...(base === undefined ? known : { inherited: states[base.index] }),
    })
    states[index] = state
    return { ...stageHead, ...known, steps }
  })
  return { dockerfile, options, targetPlatform, globals, stages }
}

/** A stage by name or index; the last one where no target is named. */
export function findTarget({ stages }: Dockerfile, target: string | undefined): Stage | undefined {
  if (target === undefined || target === '') return stages.at(-1)
  return (
    stages.findLast(({ name }) => name === target.toLowerCase()) ??
    (/^\d+$/.test(target) ? stages[Number(target)] : undefined)
  )
}

function imageOf(options: LintOptions, name: string, platform: string | undefined): BaseImage | undefined {
  return name === 'scratch' ? {} : options.baseImage?.(name, platform)
}

function triggersOf(stage: Stage, graph: StageGraph, image: BaseImage | undefined): StageInstruction[] {
  const base = graph.bases.get(stage.index)
  const own = base?.instructions.flatMap((instruction) =>
    instruction.kind === 'onbuild' ? instruction.expression : [],
  )
  return [...(image?.onbuild ?? []), ...(own ?? [])].map((expression) =>
    parseOnbuildTrigger(expression, { file: stage.range.file, range: stage.from.range }),
  )
}
