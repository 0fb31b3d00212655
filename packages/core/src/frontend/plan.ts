import { type Dockerfile, expandWord, parseOnbuildTrigger, type Stage, type StageInstruction } from '@tsbuild/parser'
import type { Vertex } from '@tsbuild/solver'
import { hostPlatform, type NetworkMode, type Platform, parsePlatform, type ResourceLimit } from '@tsbuild/spec'
import type { Entitlement } from '../api.js'
import { CoreError } from '../errors.js'
import type { ResolvedImage } from '../images/resolve-image.js'
import type { LayerChain } from '../ops/layers.js'
import { globalScope, platformArgs } from './arguments.js'
import type { StageContext } from './dispatch/context.js'
import { dispatch } from './dispatch/dispatch.js'
import type { Env } from './env.js'
import type { Graph } from './graph.js'
import { locateError } from './located.js'
import type { NamedContext } from './named-context.js'
import { imageState, type StageState, scratchState } from './stage-state.js'
import { findTarget, stageNamed } from './stages.js'
import { displayText, isStep, StepNames, shownEnv } from './step-names.js'

export interface PlanRequest {
  readonly dockerfile: Dockerfile
  readonly target?: string
  readonly buildArgs: Readonly<Record<string, string>>
  readonly platform: Platform
  readonly network: NetworkMode
  readonly extraHosts: readonly (readonly [name: string, address: string])[]
  readonly shmSizeBytes?: number
  readonly limits?: readonly ResourceLimit[]
  readonly allow: readonly Entitlement[]
  readonly noCache: boolean | readonly string[]
  /** Tells steps of different projects apart in explanations. */
  readonly project: string
}

export interface PlanServices {
  readonly graph: Graph
  /** Resolves an image for a platform; asked once for each name. */
  resolveImage(name: string, platform: Platform): Promise<ResolvedImage>
  /** The further build context of that name. */
  namedContext(name: string): NamedContext | undefined
}

/** What a Dockerfile means: the vertex of the target and the image that is made of it. */
export interface BuildPlan {
  readonly target: StageState
  /** The stages that the target reaches, by index. */
  readonly reached: ReadonlySet<number>
  /** Build arguments that no ARG took. */
  readonly unusedArgs: readonly string[]
  /** `ARG SOURCE_DATE_EPOCH=…` in front of the first FROM. */
  readonly sourceDateEpoch?: string
}

/** Turns a Dockerfile into a graph. Only stages that the target reaches are looked at.
 * @throws {CoreError} `STAGE_NOT_FOUND`, `DOCKERFILE_INVALID`, `UNSUPPORTED`, and what resolving images throws */
export async function planBuild(request: PlanRequest, services: PlanServices): Promise<BuildPlan> {
  return await new Planner(request, services).plan()
}

class Planner {
  readonly #request: PlanRequest
  readonly #services: PlanServices
  readonly #globals: Env
  readonly #states = new Map<number, Promise<StageState>>()
  readonly #images = new Map<string, Promise<ResolvedImage>>()
  readonly #waits = new Map<number, Set<number>>()

  constructor(request: PlanRequest, services: PlanServices) {
    this.#request = request
    this.#services = services
    const { dockerfile, platform, buildArgs, target } = request
    const stage = target || dockerfile.stages.at(-1)?.name
    this.#globals = globalScope(dockerfile, platformArgs(hostPlatform(), platform, stage, buildArgs), buildArgs)
  }

  async plan(): Promise<BuildPlan> {
    const { dockerfile, buildArgs } = this.#request
    const stage = findTarget(dockerfile, this.#request.target)
    const target = await this.#state(stage)
    const declared = new Set<string>()
    for (const { args } of dockerfile.metaArgs) for (const { key } of args) declared.add(key)
    for (const { instructions } of dockerfile.stages) {
      for (const one of instructions) if (one.kind === 'arg') for (const { key } of one.args) declared.add(key)
    }
    const unusedArgs = Object.keys(buildArgs).filter(
      (name) => !declared.has(name) && this.#globals.get(name) === undefined,
    )
    return { target, reached: new Set(this.#states.keys()), unusedArgs, ...this.#epoch() }
  }

  /** A global ARG of that name gives the build its time. */
  #epoch(): Pick<BuildPlan, 'sourceDateEpoch'> {
    const name = 'SOURCE_DATE_EPOCH'
    const declared = this.#request.dockerfile.metaArgs.some(({ args }) => args.some(({ key }) => key === name))
    const value = declared ? this.#globals.get(name) : undefined
    return value === undefined ? {} : { sourceDateEpoch: value }
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
    const replaced = stage.name === undefined ? undefined : this.#services.namedContext(stage.name)
    if (replaced !== undefined) return await locateError(stage.from.range, () => this.#replacement(stage, replaced))
    const start = await locateError(stage.from.range, () => this.#start(stage))
    const triggers = (start.config.OnBuild ?? []).map((expression) => parseOnbuildTrigger(expression))
    const instructions = [...triggers, ...stage.instructions]
    const { OnBuild: _, ...config } = start.config
    const context = this.#context(stage, instructions, start)
    let state: StageState = { ...start, config, cmdSet: false }
    for (const instruction of instructions) {
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
    return await this.#contextState(this.#services.namedContext(name), stage, name, wanted)
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
    const image = await this.#image(context?.reference ?? name, platform)
    return imageState(image, this.#imageVertex(image, stage, name), platform)
  }

  #platform(text: string): Platform {
    const value = expandWord(text, this.#globals, { escape: this.#request.dockerfile.escape }).value
    if (value === '') throw new CoreError('DOCKERFILE_INVALID', `empty platform value from expression ${text}`)
    return parsePlatform(value)
  }

  #image(name: string, platform: Platform): Promise<ResolvedImage> {
    const key = `${name} ${JSON.stringify(platform)}`
    let image = this.#images.get(key)
    if (image === undefined) {
      image = this.#services.resolveImage(name, platform)
      image.catch(() => {})
      this.#images.set(key, image)
    }
    return image
  }

  #imageVertex(image: ResolvedImage, stage: Stage, name: string): Vertex<LayerChain> {
    const text = `FROM ${image.name}`
    const counted = new StepNames(this.#stageLabel(stage), this.#stepTotal(stage.instructions, true))
    return this.#services.graph.image(image, {
      name: counted.next(text),
      step: `${this.#request.project} ${name}`,
      source: stage.from.range,
      ignoreCache: false,
    })
  }

  #stageLabel(stage: Stage): string {
    return stage.name ?? (this.#request.dockerfile.stages.length > 1 ? `stage-${stage.index}` : '')
  }

  #stepTotal(instructions: readonly StageInstruction[], image: boolean): number {
    return instructions.filter(isStep).length + (image ? 1 : 0)
  }

  #context(stage: Stage, instructions: readonly StageInstruction[], start: StageState): StageContext {
    const { dockerfile, buildArgs, network, extraHosts, shmSizeBytes, limits, allow, noCache, project } = this.#request
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
      allow,
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
    const context = this.#services.namedContext(name)
    if (context?.kind === 'directory') return this.#services.graph.namedTree(context)
    const image = await this.#image(context?.reference ?? name, platform)
    return this.#services.graph.image(image, {
      name: `FROM ${image.name}`,
      step: `${this.#request.project} ${name}`,
      source: user.from.range,
      ignoreCache: false,
    })
  }
}
