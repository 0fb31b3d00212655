import { type LintWarning, lintError } from '@tsbuild/parser'
import { InputGoneError, type Solver, type StepReport } from '@tsbuild/solver'
import {
  canonicalDigest,
  digestHex,
  formatMiss,
  formatPlatform,
  hostPlatform,
  type OnBuildEvent,
  type Platform,
  parsePlatform,
  type SourceRange,
} from '@tsbuild/spec'
import type { BuildOptions, BuildResult, BuildWarning, Output, StepRecord } from '../api.js'
import { readEmulators } from '../emulation/read-emulators.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { isFrontendArg } from '../frontend/arguments.js'
import { Graph } from '../frontend/graph.js'
import { type BuildPlan, planBuild } from '../frontend/plan.js'
import { ensureRoom, fullDisk, isFullDisk, makeRoom } from '../gc/make-room.js'
import { resolveImage } from '../images/resolve-image.js'
import { lazy as once } from '../lazy.js'
import type { LayerChain, SolvedChain } from '../ops/layers.js'
import type { OpServices } from '../ops/services.js'
import { type Parsed, parseAnywhere } from '../parse-large.js'
import { BuildCache } from './build-cache.js'
import { toBuildError } from './build-error.js'
import { checkOutputs, outputsOf } from './check-outputs.js'
import { epochSources } from './epoch-sources.js'
import { type NamedContexts, openNamedContexts } from './named-contexts.js'
import { dockerfileRequest, type OpenContext, openContext } from './open-context.js'
import type { BuiltTarget } from './output-image.js'
import { type DockerfileText, readDockerfile, readIgnorePatterns } from './read-dockerfile.js'
import { openSources, type Sources } from './sources.js'
import { checkSyntax } from './syntax.js'
import { writeOutputs } from './write-outputs.js'

/** Carries out one build on an open engine. */
export async function runBuild(
  parts: EngineParts,
  solver: Solver<LayerChain>,
  options: BuildOptions,
): Promise<BuildResult> {
  const start = performance.now()
  options.signal?.throwIfAborted()
  await using _held = parts.hold.enter()
  const platforms = platformsOf(options)
  const outputs = outputsOf(options, platforms.length)
  const { tags = [], annotations = [] } = options
  checkOutputs(outputs, { platforms, tags, annotations, cacheTo: options.cacheTo ?? [] })
  await using sources = await openSources(parts, options)
  await using named = await openNamedContexts(sources, options)
  await using context = await openContext(sources, options)
  const source = await readDockerfile(await dockerfileRequest(options, context), sources.http)
  if (/^[ \t]*(?:copy|add)[ \t]/im.test(source.text)) parts.files.warm()
  const warnings: BuildWarning[] = []
  const emit: OnBuildEvent = options.onEvent ?? (() => {})
  const warn = (warning: BuildWarning) => {
    warnings.push(warning)
    emit({ kind: 'warning', at: Date.now(), ...warning })
  }
  await using cache = new BuildCache(parts, options, { platforms, emit, warn: (message) => warn({ message }) })
  try {
    cache.begin()
    const warm = runtimeWarmer(parts, source.text, options.noCache === true)
    const request = await prepare(options, sources, named, context, source, { warmRuntime: warm, cache })
    const plans = await Promise.all(
      platforms.map((platform) =>
        planBuild({ ...request.plan, platform, severalPlatforms: platforms.length > 1 }, request.services),
      ),
    )
    report(request, plans, warn)
    const signal = options.signal === undefined ? {} : { signal: options.signal }
    let sent = false
    const mayStartOver = (error: unknown) => {
      if (options.signal?.aborted === true) return false
      return error instanceof InputGoneError ? !outputs.some(isStream) : !sent
    }
    await cache.ready()
    const { written, steps, built } = await withLayersKept(parts, mayStartOver, warn, async () => {
      const { results, steps } = await solver.solve(
        plans.map(({ target }) => target.vertex),
        { ...signal, onEvent: emit, imported: cache.imported },
      )
      sent = outputs.some(isSentOnce)
      const built = cache.built(
        steps,
        results.map(({ result }) => result),
      )
      const written = await writeOutputs(parts, {
        targets: targetsOf(options, platforms, plans, results),
        built,
        inlineCache: options.cacheTo?.some(({ type }) => type === 'inline') === true,
        outputs,
        tags,
        annotations,
        labels: options.labels ?? {},
        ...epochOf(options, plans),
        rewriteTimestamp: options.rewriteTimestamp === true,
        ...signal,
        emit,
      })
      return { written, steps, built }
    })
    const cacheExports = await cache.export(built)
    // Not waited for: closing the engine does.
    noteUses(parts, steps)
    return {
      ...written,
      cacheExports,
      steps: steps.filter(({ vertex }) => vertex.hidden !== true).map(stepRecord),
      warnings,
      durationMs: performance.now() - start,
    }
  } catch (error) {
    throw toBuildError(error, source.text)
  }
}

/** Whether others have what was written of an output, so that it can't be written again. */
function isSentOnce(output: Output): boolean {
  return output.type === 'registry' || (output.type === 'image' && output.push === true) || isStream(output)
}

function isStream(output: Output): boolean {
  return 'dest' in output && typeof output.dest !== 'string'
}

/** Attempts at a build while somebody prunes what it has found in the cache. */
const maxAttempts = 4

/** Starts over where it fails and a layer that it had found is gone: a build that only hits writes nothing down, so another process may
 * have pruned what it found before it began to use it. Where the disk is full, some of the cache is removed, once: what was done until
 * then is found in the cache. */
async function withLayersKept<T>(
  parts: EngineParts,
  mayStartOver: (error: unknown) => boolean,
  warn: (warning: BuildWarning) => void,
  body: () => Promise<T>,
): Promise<T> {
  let evicted = false
  for (let attempt = 1; ; attempt++) {
    try {
      return await body()
    } catch (error) {
      // An import did not give what it promised, and won't promise it again.
      if (error instanceof InputGoneError && mayStartOver(error)) continue
      if (attempt >= maxAttempts || !mayStartOver(error)) throw error
      if (parts.hold.forgetGone((layer) => parts.snapshotter.has(layer))) continue
      if (evicted || !isFullDisk(error)) throw error
      evicted = true
      const freed = await makeRoom(parts, true).catch(() => 0)
      if (freed === 0) throw error
      warn({ message: `The disk was full: ${freed} bytes of the cache were removed, and the build goes on` })
    }
  }
}

function noteUses({ useLog }: EngineParts, steps: readonly StepReport<LayerChain>[]): void {
  const used = steps.filter(({ cached }) => cached).map(({ solved }) => solved.result.id)
  useLog.note(used).catch(() => {})
}

/** @throws {SpecError} `PLATFORM_INVALID` */
export function platformsOf({ platform = [] }: BuildOptions): Platform[] {
  const given = typeof platform === 'string' ? [platform] : platform
  const platforms = given.length === 0 ? [hostPlatform()] : given.map(parsePlatform)
  return [...new Map(platforms.map((one) => [formatPlatform(one), one])).values()]
}

/** An image that was asked for by platform has it, whatever its last stage runs on. */
function targetsOf(
  options: BuildOptions,
  platforms: readonly Platform[],
  plans: readonly BuildPlan[],
  results: readonly SolvedChain[],
): BuiltTarget[] {
  const asked = options.platform !== undefined && options.platform.length > 0
  return plans.map(({ target }, index) => {
    const platform = asked ? platforms[index] : undefined
    const chain = results[index]?.result
    if (chain === undefined) throw new RangeError('the solver gave no result')
    return { target: platform === undefined ? target : { ...target, platform }, chain }
  })
}

/** Starts the runtime once, where the Dockerfile has a RUN at all; at once where all steps will run. */
function runtimeWarmer(parts: EngineParts, text: string, now: boolean): () => void {
  if (!/^[ \t]*run[ \t]/im.test(text)) return () => {}
  const warm = once(() => {
    // Whatever is wrong with it shows where a step needs it.
    parts
      .runtime()
      .then((runtime) => runtime.warm?.())
      .catch(() => {})
  })
  if (now) warm()
  return warm
}

export interface PreparedBuild {
  /** What the build checks found. */
  readonly checks: Parsed['warnings']
  readonly plan: Omit<Parameters<typeof planBuild>[0], 'platform' | 'severalPlatforms'>
  readonly services: Parameters<typeof planBuild>[1]
}

export async function prepare(
  options: BuildOptions,
  { parts, ssh, git, http }: Sources,
  named: NamedContexts,
  { directory, origin }: OpenContext,
  source: DockerfileText,
  { warmRuntime, cache: { lazy, imported, mounts } }: { readonly warmRuntime: () => void; readonly cache: BuildCache },
): Promise<PreparedBuild> {
  const ignore = await readIgnorePatterns(directory, source.path)
  // Without a prototype: an ARG may be called `constructor`.
  const buildArgs = Object.assign(Object.create(null) as Record<string, string>, options.buildArgs)
  const [targetPlatform = hostPlatform()] = platformsOf(options)
  const target = options.target === undefined ? {} : { target: options.target }
  const checks = { ...target, buildArgs, targetPlatform, ignore }
  const { workerDir } = parts.options
  const call = options.signal === undefined ? {} : { signal: options.signal }
  const { dockerfile, warnings } = await parseAnywhere(
    { file: source.file, text: source.text, checks },
    { ...call, ...(workerDir === undefined ? {} : { workerDir }) },
  )
  checkSyntax(source)
  const services: OpServices = {
    ...parts,
    lazy,
    digests: imported,
    bringCacheMount: async (folder, call) => await mounts?.bring(folder, call),
    ensureRoom: () => ensureRoom(parts),
    fullDisk: (output) => fullDisk(parts, output),
    secrets: new Map(Object.entries(options.secrets ?? {})),
    workers: workerDir === undefined ? {} : { workerDir },
    ssh,
    git,
    http,
    context: { kind: 'context', directory, ignore },
    warmRuntime,
    onLayer: needsImage(options) ? (layer) => parts.diffIds.prefetch(layer) : () => {},
  }
  return {
    checks: warnings,
    plan: {
      dockerfile,
      ...target,
      buildArgs,
      network: options.network ?? 'host',
      extraHosts: options.extraHosts ?? [],
      ...(options.shmSizeBytes === undefined ? {} : { shmSizeBytes: options.shmSizeBytes }),
      ...(options.limits === undefined || options.limits.length === 0 ? {} : { limits: options.limits }),
      ...(options.sandbox === undefined ? {} : { sandbox: options.sandbox }),
      allow: options.allow ?? [],
      noCache: options.noCache ?? false,
      project: digestHex(canonicalDigest(origin ?? source.path ?? directory)).slice(0, 12),
    },
    services: {
      graph: new Graph(services),
      emulators: once(() => readEmulators()),
      epochs: epochSources({ parts, git, http }, options),
      isContext: (name) => named.has(name),
      namedContext: (name) => named.find(name),
      resolveImage: (name, wanted, stop) => {
        const signal = options.signal === undefined ? stop : AbortSignal.any([stop, options.signal])
        return resolveImage(name, parts, { platform: wanted, pull: options.pull === true, signal })
      },
    },
  }
}

/** Gives the warnings of a build.
 * @throws {ParseError} `LINT_FAILED` when there are some and the Dockerfile has `# check=error=true` */
function report(
  { plan, checks: found }: PreparedBuild,
  plans: readonly BuildPlan[],
  warn: (warning: BuildWarning) => void,
): void {
  const unusedArgs = plans[0]?.unusedArgs ?? []
  const checks = found()
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

/** Whether the digests of layers will be asked for. */
function needsImage(options: BuildOptions): boolean {
  if ((options.cacheTo ?? []).length > 0) return true
  const outputs = outputsOf(options, platformsOf(options).length)
  return outputs.some(
    (output) =>
      output.type !== 'local' &&
      output.type !== 'cacheonly' &&
      output.type !== 'tar' &&
      (output.rewriteTimestamp ?? options.rewriteTimestamp) !== true,
  )
}

function epochOf({ sourceDateEpoch }: BuildOptions, plans: readonly BuildPlan[]): { epoch?: number } {
  const text = plans[0]?.sourceDateEpoch
  const epoch = sourceDateEpoch ?? (text === undefined || text === '' ? undefined : Number(text))
  if (epoch === undefined) return {}
  if (Number.isSafeInteger(epoch)) return { epoch }
  throw new CoreError(
    'OPTION_INVALID',
    `Cannot use SOURCE_DATE_EPOCH "${text ?? epoch}": not a whole number of seconds`,
  )
}

function stepRecord({ vertex, cached, miss, durationMs, sizeBytes }: StepReport<LayerChain>): StepRecord {
  return {
    id: vertex.digest,
    name: vertex.name,
    cached,
    ...(miss === undefined ? {} : { miss, why: formatMiss(miss) }),
    durationMs,
    sizeBytes,
    ...(vertex.source === undefined ? {} : { source: vertex.source }),
  }
}
