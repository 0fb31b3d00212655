import { expandWord, parseOnbuildTrigger, type Stage, type StageInstruction } from '@tsbuild/parser'
import type { Vertex } from '@tsbuild/solver'
import { formatPlatform, hostPlatform, type Platform, parsePlatform, type ResourceLimit } from '@tsbuild/spec'
import type { StepNetwork } from '../api/build.js'
import type { BuildSandbox, Entitlement } from '../api.js'
import type { Emulator } from '../emulation/binfmt.js'
import { CoreError } from '../errors.js'
import type { ResolvedImage } from '../images/resolve-image.js'
import type { LayerChain } from '../ops/layers.js'
import type { ParsedDockerfile } from '../parse/protocol.js'
import { globalScope, platformArgs } from './arguments.js'
import type { StageContext } from './dispatch/context.js'
import { dispatch } from './dispatch/dispatch.js'
import type { Env } from './env.js'
import type { Graph } from './graph.js'
import { locateError } from './located.js'
import type { NamedContext } from './named-context.js'
import { neededImages } from './needed-images.js'
import { pauses } from './pauses.js'
import { type EpochSources, epochName, resolveEpoch } from './source-date-epoch.js'
import { imageState, type StageState, scratchState } from './stage-state.js'
import { findTarget, stageNamed } from './stages.js'
import { displayText, isStep, StepNames, shownEnv } from './step-names.js'

export interface PlanRequest {
  readonly dockerfile: ParsedDockerfile
  readonly target?: string
  readonly buildArgs: Readonly<Record<string, string>>
  readonly platform: Platform
  /** Whether this is one of several plans; then its steps' names tell the platform. */
  readonly severalPlatforms: boolean
  readonly network: StepNetwork
  readonly extraHosts: readonly (readonly [name: string, address: string])[]
  readonly shmSizeBytes?: number
  readonly limits?: readonly ResourceLimit[]
  readonly sandbox?: BuildSandbox
  readonly allow: readonly Entitlement[]
  readonly noCache: boolean | readonly string[]
  /** Tells steps of different projects apart in explanations. */
  readonly project: string
}

export interface PlanServices {
  readonly graph: Graph
  /** Resolves an image for a platform; asked once for each name. */
  resolveImage(name: string, platform: Platform, signal: AbortSignal): Promise<ResolvedImage>
  /** What the kernel runs programs of other machines with; asked only where one is needed. */
  emulators(): Promise<readonly Emulator[]>
  readonly epochs: EpochSources
  /** Whether there is a further build context of that name. */
  isContext(name: string): boolean
  /** The further build context of that name; fetched when it is first asked for. */
  namedContext(name: string): Promise<NamedContext | undefined>
}

/** What a Dockerfile means: the vertex of the target and the image that is made of it. */
export interface BuildPlan {
  readonly target: StageState
  /** The stages that the target reaches, by index. */
  readonly reached: ReadonlySet<number>
  /** Build arguments that no ARG took. */
  readonly unusedArgs: readonly string[]
  /** The build argument SOURCE_DATE_EPOCH, else what an ARG of that name in front of the first FROM says: a number, or nothing for no
   * time. */
  readonly sourceDateEpoch?: string
}

/** Turns a Dockerfile into a graph. Only stages that the target reaches are looked at.
 * @throws {CoreError} `STAGE_NOT_FOUND`, `DOCKERFILE_INVALID`, `UNSUPPORTED`, and what resolving images throws */
export async function planBuild(request: PlanRequest, services: PlanServices): Promise<BuildPlan> {
  const { dockerfile, platform, buildArgs } = request
  const stage = request.target || dockerfile.stages.at(-1)?.name
  const globals = globalScope(dockerfile, platformArgs(hostPlatform(), platform, stage, buildArgs), buildArgs)
  const value = buildArgs[epochName] ?? (declaresEpoch(dockerfile) ? globals.get(epochName) : undefined)
  if (value === undefined) return await new Planner(request, services, globals).plan()
  const sourceDateEpoch = await resolveEpoch(value, { dockerfile, globals, buildArgs }, services.epochs)
  const given = buildArgs[epochName] === undefined ? buildArgs : withArg(buildArgs, sourceDateEpoch)
  const known = globals.get(epochName) === undefined ? globals : globals.with(epochName, sourceDateEpoch)
  const plan = await new Planner({ ...request, buildArgs: given }, services, known).plan()
  return { ...plan, sourceDateEpoch }
}

function declaresEpoch({ metaArgs }: ParsedDockerfile): boolean {
  return metaArgs.some(({ args }) => args.some(({ key }) => key === epochName))
}

/** The build arguments, still without a prototype, with another time. */
function withArg(buildArgs: PlanRequest['buildArgs'], epoch: string): PlanRequest['buildArgs'] {
  return Object.assign(Object.create(null) as Record<string, string>, buildArgs, { [epochName]: epoch })
}

class Planner {
  readonly #request: PlanRequest
  readonly #services: PlanServices
  readonly #globals: Env
  readonly #states = new Map<number, Promise<StageState>>()
  readonly #images = new Map<string, Promise<ResolvedImage>>()
  readonly #waits = new Map<number, Set<number>>()
  readonly #stop = new AbortController()

  constructor(request: PlanRequest, services: PlanServices, globals: Env) {
    this.#request = request
    this.#services = services
    this.#globals = globals
  }

  async plan(): Promise<BuildPlan> {
    const { dockerfile, buildArgs } = this.#request
    const stage = findTarget(dockerfile, this.#request.target)
    this.#prefetch(stage)
    const target = await this.#state(stage).catch(async (error: unknown) => {
      // Nothing goes on in the back of a build that has failed.
      this.#stop.abort(error)
      await Promise.allSettled(this.#images.values())
      throw error
    })
    const declared = new Set<string>()
    for (const { args } of dockerfile.metaArgs) for (const { key } of args) declared.add(key)
    for (const { instructions } of dockerfile.stages) {
      for (const one of instructions) if (one.kind === 'arg') for (const { key } of one.args) declared.add(key)
    }
    const unusedArgs = Object.keys(buildArgs).filter(
      (name) => !declared.has(name) && this.#globals.get(name) === undefined,
    )
    return { target, reached: new Set(this.#states.keys()), unusedArgs }
  }

  #state(stage: Stage): Promise<StageState> {
    let state = this.#states.get(stage.index)
    if (state === undefined) {
      state = this.#dispatchStage(stage)
      state.catch(() => {})
      this.#states.set(stage.index, state)
    }
    return state
  }

  /** Another stage's state; a stage that waits for itself, over whatever steps, is an error and no deadlock. */
  async #stateFor(user: Stage, stage: Stage): Promise<StageState> {
    if (stage === user || this.#reaches(stage.index, user.index)) {
      throw new CoreError('DOCKERFILE_INVALID', `circular dependency detected on stage: ${stage.name ?? stage.index}`)
    }
    const waits = this.#waits.get(user.index) ?? new Set()
    this.#waits.set(user.index, waits.add(stage.index))
    return await this.#state(stage)
  }

  #reaches(from: number, to: number): boolean {
    for (const next of this.#waits.get(from) ?? []) if (next === to || this.#reaches(next, to)) return true
    return false
  }

  async #dispatchStage(stage: Stage): Promise<StageState> {
    const replaced = stage.name === undefined ? undefined : await this.#services.namedContext(stage.name)
    if (replaced !== undefined) return await locateError(stage.from.range, () => this.#replacement(stage, replaced))
    const start = await locateError(stage.from.range, () => this.#start(stage))
    const triggers = (start.config.OnBuild ?? []).map((expression) => parseOnbuildTrigger(expression))
    const instructions = [...triggers, ...stage.instructions]
    const { OnBuild: _, ...config } = start.config
    const context = this.#context(stage, instructions, start)
    let state: StageState = { ...start, config, cmdSet: false }
    const pause = pauses()
    for (const instruction of instructions) {
      const turn = pause()
      if (turn !== undefined) await turn
      const before = state
      state = await locateError(instruction.range, () => dispatch(before, instruction, context))
    }
    return state
  }

  /** What FROM gives: nothing, an earlier stage or an image. */
  async #start(stage: Stage): Promise<StageState> {
    const { dockerfile, platform } = this.#request
    const options = { escape: dockerfile.escape }
    const name = expandWord(stage.baseName, this.#globals, options).value
    if (name === '') throw new CoreError('DOCKERFILE_INVALID', `base name (${stage.baseName}) should not be blank`)
    const wanted = stage.platform === undefined ? platform : this.#platform(stage.platform)
    const parent = stageNamed(this.#request.dockerfile, name, stage.index)
    if (parent !== undefined) {
      const state = await this.#stateFor(stage, parent)
      return { ...state, env: state.env.withList(state.config.Env) }
    }
    if (name === 'scratch') return scratchState(this.#services.graph.scratch, wanted)
    return await this.#contextState(await this.#services.namedContext(name), stage, name, wanted)
  }

  /** A stage that a further context stands for: none of its instructions counts. */
  async #replacement(stage: Stage, context: NamedContext): Promise<StageState> {
    const wanted = stage.platform === undefined ? this.#request.platform : this.#platform(stage.platform)
    return await this.#contextState(context, stage, stage.baseName, wanted)
  }

  async #contextState(
    context: NamedContext | undefined,
    stage: Stage,
    name: string,
    platform: Platform,
  ): Promise<StageState> {
    if (context?.kind === 'directory') return scratchState(this.#services.graph.namedTree(context), platform)
    if (context?.kind === 'image' && context.reference === 'scratch')
      return scratchState(this.#services.graph.scratch, platform)
    if (context?.kind === 'stage') {
      const state = await this.#stateFor(stage, findTarget(this.#request.dockerfile, context.target))
      return { ...state, env: state.env.withList(state.config.Env) }
    }
    const image = await this.#image(name, platform, context)
    return imageState(image, this.#imageVertex(image, stage), platform)
  }

  /** Begins to resolve the images and to fetch the contexts of all stages that will be reached, side by side. What goes wrong shows
   * when a stage is looked at. */
  #prefetch(target: Stage): void {
    const { dockerfile } = this.#request
    const isContext = (name: string) => this.#services.isContext(name)
    const needed = neededImages(dockerfile, target, { baseOf: (stage) => this.#baseOf(stage), isContext })
    for (const { name, stage } of needed) {
      const begin = async () => {
        const wanted = this.#platformOf(stage)
        const context = isContext(name) ? await this.#services.namedContext(name) : undefined
        if (context === undefined || context.kind === 'layout') await this.#image(name, wanted, context)
        else if (context.kind === 'image' && context.reference !== 'scratch') await this.#image(name, wanted, context)
      }
      begin().catch(() => {})
    }
  }

  #baseOf(stage: Stage): string {
    try {
      return expandWord(stage.baseName, this.#globals, { escape: this.#request.dockerfile.escape }).value
    } catch {
      return ''
    }
  }

  /** A stage has the platform of the one that it starts from. */
  #platformOf(stage: Stage): Platform {
    const parent = stageNamed(this.#request.dockerfile, this.#baseOf(stage), stage.index)
    if (parent !== undefined) return this.#platformOf(parent)
    return stage.platform === undefined ? this.#request.platform : this.#platform(stage.platform)
  }

  #platform(text: string): Platform {
    const value = expandWord(text, this.#globals, { escape: this.#request.dockerfile.escape }).value
    if (value === '') throw new CoreError('DOCKERFILE_INVALID', `empty platform value from expression ${text}`)
    return parsePlatform(value)
  }

  /** The image of a name, or what a context has in its stead. */
  #image(
    name: string,
    platform: Platform,
    context?: NamedContext & { kind: 'image' | 'layout' },
  ): Promise<ResolvedImage> {
    const wanted = context?.kind === 'image' ? context.reference : name
    const key = `${context?.kind === 'layout' ? 'layout ' : ''}${wanted} ${JSON.stringify(platform)}`
    let image = this.#images.get(key)
    if (image === undefined) {
      image =
        context?.kind === 'layout'
          ? context.resolve(platform)
          : this.#services.resolveImage(wanted, platform, this.#stop.signal)
      image.catch(() => {})
      this.#images.set(key, image)
    }
    return image
  }

  #imageVertex(image: ResolvedImage, stage: Stage): Vertex<LayerChain> {
    const text = `FROM ${image.name}`
    const counted = new StepNames(this.#stageLabel(stage), this.#stepTotal(stage.instructions, true))
    return this.#services.graph.image(image, {
      name: counted.next(text),
      step: `${this.#request.project} ${this.#stageLabel(stage)} from`,
      source: stage.from.range,
      ignoreCache: false,
    })
  }

  #stageLabel(stage: Stage): string {
    const { dockerfile, platform, severalPlatforms } = this.#request
    const name = stage.name ?? (dockerfile.stages.length > 1 ? `stage-${stage.index}` : '')
    return severalPlatforms ? `${formatPlatform(platform)} ${name}`.trimEnd() : name
  }

  #stepTotal(instructions: readonly StageInstruction[], image: boolean): number {
    return instructions.filter(isStep).length + (image ? 1 : 0)
  }

  #context(stage: Stage, instructions: readonly StageInstruction[], start: StageState): StageContext {
    const { dockerfile, buildArgs, network, extraHosts, shmSizeBytes, limits, sandbox, allow, noCache, project } =
      this.#request
    const base = expandWord(stage.baseName, this.#globals, { escape: dockerfile.escape }).value
    const image = base !== 'scratch' && stageNamed(dockerfile, base, stage.index) === undefined
    const label = this.#stageLabel(stage)
    const names = new StepNames(label, this.#stepTotal(instructions, image))
    if (image) names.next('')
    const ignoreCache =
      typeof noCache === 'boolean' ? noCache : noCache.some((name) => name.toLowerCase() === stage.name)
    let count = 0
    return {
      graph: this.#services.graph,
      given: buildArgs,
      globals: this.#globals,
      escape: dockerfile.escape,
      network,
      extraHosts,
      ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
      ...(limits === undefined ? {} : { limits }),
      ...(sandbox === undefined ? {} : { sandbox }),
      allow,
      emulators: () => this.#services.emulators(),
      from: (name) => this.#files(stage, name, start.platform),
      step: (instruction, state) => ({
        name: names.next(displayText(instruction.code, shownEnv(instruction, state.env), dockerfile)),
        step: `${project} ${label} ${count++} ${instruction.kind}`,
        source: instruction.range,
        ignoreCache,
      }),
    }
  }

  /** The files that `--from` names: a stage by name or index, else an image. */
  async #files(user: Stage, name: string, platform: Platform): Promise<Vertex<LayerChain>> {
    const { stages } = this.#request.dockerfile
    if (/^-?\d+$/.test(name)) {
      const stage = stages[Number(name)]
      if (stage === undefined) throw new CoreError('STAGE_NOT_FOUND', `invalid stage index ${name}`)
      return (await this.#stateFor(user, stage)).vertex
    }
    const stage = stageNamed(this.#request.dockerfile, name)
    if (stage !== undefined) return (await this.#stateFor(user, stage)).vertex
    if (name === 'scratch') return this.#services.graph.scratch
    const context = await this.#services.namedContext(name)
    if (context?.kind === 'directory') return this.#services.graph.namedTree(context)
    if (context?.kind === 'image' && context.reference === 'scratch') return this.#services.graph.scratch
    if (context?.kind === 'stage') {
      return (await this.#stateFor(user, findTarget(this.#request.dockerfile, context.target))).vertex
    }
    const image = await this.#image(name, platform, context)
    return this.#services.graph.image(image, {
      name: `FROM ${image.name}`,
      step: `${this.#request.project} ${name}`,
      source: user.from.range,
      ignoreCache: false,
    })
  }
}
