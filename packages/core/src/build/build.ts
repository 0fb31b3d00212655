import { join } from 'node:path'
import { createIgnore, type LintWarning, lint, lintError, parseDockerfile } from '@tsbuild/parser'
import type { Solver, StepReport } from '@tsbuild/solver'
import {
  canonicalDigest,
  digestHex,
  hostPlatform,
  type OnBuildEvent,
  parsePlatform,
  type SourceRange,
} from '@tsbuild/spec'
import type { BuildOptions, BuildResult, BuildWarning, Output, StepRecord } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { isFrontendArg } from '../frontend/arguments.js'
import { Graph } from '../frontend/graph.js'
import { type BuildPlan, planBuild } from '../frontend/plan.js'
import { GitSession } from '../git/index.js'
import { resolveImage } from '../images/resolve-image.js'
import { lazy } from '../lazy.js'
import type { LayerChain, SolvedChain } from '../ops/layers.js'
import type { OpServices } from '../ops/services.js'
import { type ForwardedAgents, openForwardedAgents } from '../ssh/forwarded-agents.js'
import { toBuildError } from './build-error.js'
import { openNamedContexts } from './named-contexts.js'
import { dockerfileRequest, type OpenContext, openContext } from './open-context.js'
import { type DockerfileText, readDockerfile, readIgnorePatterns } from './read-dockerfile.js'
import { checkSyntax } from './syntax.js'
import { checkNames, writeOutputs } from './write-outputs.js'

/** Carries out one build on an open engine. */
export async function runBuild(
  parts: EngineParts,
  solver: Solver<LayerChain>,
  options: BuildOptions,
): Promise<BuildResult> {
  const start = performance.now()
  options.signal?.throwIfAborted()
  checkNames(options.tags ?? [], options.outputs ?? [])
  await using ssh = await openForwardedAgents(options.ssh ?? {}, parts.contextsDirectory)
  const git = gitSession(parts, options)
  await using context = await openContext({ parts, git }, options)
  const source = await readDockerfile(await dockerfileRequest(options, context))
  if (/^[ \t]*(?:copy|add)[ \t]/im.test(source.text)) parts.files.warm()
  const warnings: BuildWarning[] = []
  const emit: OnBuildEvent = options.onEvent ?? (() => {})
  const warn = (warning: BuildWarning) => {
    warnings.push(warning)
    emit({ kind: 'warning', at: Date.now(), ...warning })
  }
  try {
    const request = await prepare(parts, options, { ssh, git }, context, source)
    const plan = await planBuild(request.plan, request.services)
    report(request, plan, options, warn)
    const { results, steps } = await solver.solve([plan.target.vertex], {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onEvent: emit,
    })
    const written = await writeOutputs(parts, {
      // An image that was asked for by platform has it, whatever its last stage runs on.
      target: options.platform === undefined ? plan.target : { ...plan.target, platform: request.plan.platform },
      chain: firstResult(results),
      outputs: outputsOf(options),
      tags: options.tags ?? [],
      labels: options.labels ?? {},
      ...epochOf(options, plan),
      rewriteTimestamp: options.rewriteTimestamp === true,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      emit,
    })
    return {
      ...written,
      steps: steps.filter(({ vertex }) => vertex.hidden !== true).map(stepRecord),
      warnings,
      durationMs: performance.now() - start,
    }
  } catch (error) {
    throw toBuildError(error, source.text)
  }
}

function gitSession(parts: EngineParts, { secrets = {} }: BuildOptions): GitSession {
  const { locks, contextsDirectory } = parts
  const mirrors = join(parts.root, 'downloads', 'git')
  return new GitSession({ mirrors, checkouts: contextsDirectory, locks, secrets: new Map(Object.entries(secrets)) })
}

/** Starts the runtime once, where the Dockerfile has a RUN at all; at once where all steps will run. */
function runtimeWarmer(parts: EngineParts, text: string, now: boolean): () => void {
  if (!/^[ \t]*run[ \t]/im.test(text)) return () => {}
  const warm = lazy(() => {
    // Whatever is wrong with it shows where a step needs it.
    parts
      .runtime()
      .then((runtime) => runtime.warm?.())
      .catch(() => {})
  })
  if (now) warm()
  return warm
}

interface PreparedBuild {
  /** Patterns of the context's `.dockerignore`. */
  readonly ignore: readonly string[]
  readonly plan: Parameters<typeof planBuild>[0]
  readonly services: Parameters<typeof planBuild>[1]
}

async function prepare(
  parts: EngineParts,
  options: BuildOptions,
  opened: { readonly ssh: ForwardedAgents; readonly git: GitSession },
  { directory, origin }: OpenContext,
  source: DockerfileText,
): Promise<PreparedBuild> {
  const dockerfile = parseDockerfile(source.text, { file: source.file })
  checkSyntax(source)
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform)
  const ignore = await readIgnorePatterns(directory, source.path)
  const services: OpServices = {
    ...parts,
    secrets: new Map(Object.entries(options.secrets ?? {})),
    ...opened,
    context: { kind: 'context', directory, ignore },
    warmRuntime: runtimeWarmer(parts, source.text, options.noCache === true),
    onLayer: needsImage(options) ? (layer) => parts.diffIds.prefetch(layer) : () => {},
  }
  const call = options.signal === undefined ? {} : { signal: options.signal }
  return {
    ignore,
    plan: {
      dockerfile,
      ...(options.target === undefined ? {} : { target: options.target }),
      // Without a prototype: an ARG may be called `constructor`.
      buildArgs: Object.assign(Object.create(null) as Record<string, string>, options.buildArgs),
      platform,
      network: options.network ?? 'host',
      extraHosts: options.extraHosts ?? [],
      ...(options.shmSizeBytes === undefined ? {} : { shmSizeBytes: options.shmSizeBytes }),
      ...(options.limits === undefined || options.limits.length === 0 ? {} : { limits: options.limits }),
      allow: options.allow ?? [],
      noCache: options.noCache ?? false,
      project: digestHex(canonicalDigest(origin ?? source.path ?? directory)).slice(0, 12),
    },
    services: {
      graph: new Graph(services),
      namedContext: await openNamedContexts(options.buildContexts ?? {}),
      resolveImage: (name, wanted) =>
        resolveImage(name, parts, { platform: wanted, pull: options.pull === true, ...call }),
    },
  }
}

/** Gives the warnings of a build.
 * @throws {ParseError} `LINT_FAILED` when there are some and the Dockerfile has `# check=error=true` */
function report(
  { plan, ignore }: PreparedBuild,
  { unusedArgs }: BuildPlan,
  { target }: BuildOptions,
  warn: (warning: BuildWarning) => void,
): void {
  const checks = lint(plan.dockerfile, {
    ...(target === undefined ? {} : { target }),
    buildArgs: plan.buildArgs,
    targetPlatform: plan.platform,
    ignore: createIgnore(ignore),
  })
  for (const check of checks) warn(fromLint(check))
  const unused = unusedArgs.filter((name) => !isFrontendArg(name)).sort()
  if (unused.length > 0) warn({ message: `[Warning] One or more build-args [${unused.join(' ')}] were not consumed` })
  const error = lintError(plan.dockerfile, checks, { buildArgs: plan.buildArgs })
  if (error !== undefined) throw error
}

function fromLint({ rule, message, url, range }: LintWarning): BuildWarning {
  const source: SourceRange = range
  return { rule, message, ...(url === undefined ? {} : { url }), source }
}

/** Without outputs of its own, a build with tags goes into the local image store; one without them is only solved. */
function outputsOf({ outputs, tags }: BuildOptions): readonly Output[] {
  if (outputs !== undefined && outputs.length > 0) {
    const named = tags !== undefined && tags.length > 0 && !outputs.some(({ type }) => type === 'image')
    return named ? [{ type: 'image' }, ...outputs] : outputs
  }
  return [{ type: 'image' }]
}

function needsImage(options: BuildOptions): boolean {
  return options.rewriteTimestamp !== true && outputsOf(options).some(({ type }) => type !== 'local' && type !== 'tar')
}

function epochOf({ sourceDateEpoch, buildArgs }: BuildOptions, plan: BuildPlan): { epoch?: number } {
  const text = buildArgs?.SOURCE_DATE_EPOCH ?? plan.sourceDateEpoch
  const epoch = sourceDateEpoch ?? (text === undefined || text === '' ? undefined : Number(text))
  if (epoch === undefined) return {}
  if (Number.isSafeInteger(epoch)) return { epoch }
  throw new CoreError(
    'OPTION_INVALID',
    `Cannot use SOURCE_DATE_EPOCH "${text ?? epoch}": not a whole number of seconds`,
  )
}

function firstResult(results: readonly SolvedChain[]): LayerChain {
  const [first] = results
  if (first === undefined) throw new RangeError('the solver gave no result')
  return first.result
}

function stepRecord({ vertex, cached, why, durationMs, sizeBytes }: StepReport<LayerChain>): StepRecord {
  return {
    id: vertex.digest,
    name: vertex.name,
    cached,
    ...(why === undefined ? {} : { why }),
    durationMs,
    sizeBytes,
    ...(vertex.source === undefined ? {} : { source: vertex.source }),
  }
}
