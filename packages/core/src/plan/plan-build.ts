import type { PredictedOutcome, Prediction, Solver } from '@tsbuild/solver'
import { formatMiss, type SnapshotName } from '@tsbuild/spec'
import type { PlannedStep, PlanOptions, PlanResult } from '../api.js'
import { platformsOf, prepare } from '../build/build.js'
import { BuildCache } from '../build/build-cache.js'
import { toBuildError } from '../build/build-error.js'
import { openNamedContexts } from '../build/named-contexts.js'
import { dockerfileRequest, openContext } from '../build/open-context.js'
import { readDockerfile } from '../build/read-dockerfile.js'
import { openSources } from '../build/sources.js'
import type { LazyLayers } from '../cache/transfer/lazy-layers.js'
import type { EngineParts } from '../engine-parts.js'
import { planBuild } from '../frontend/plan.js'
import type { LayerChain } from '../ops/layers.js'
import { longestPath } from './longest-path.js'

/** Tells what a build with these options would do: the same graph and the same keys, and no step is run. */
export async function predictBuild(
  parts: EngineParts,
  solver: Solver<LayerChain>,
  options: PlanOptions,
): Promise<PlanResult> {
  options.signal?.throwIfAborted()
  await using _held = parts.hold.enter()
  const platforms = platformsOf(options)
  await using sources = await openSources(parts, options)
  await using named = await openNamedContexts(sources, options)
  await using context = await openContext(sources, options)
  const warnings: string[] = []
  const warn = (message: string) => warnings.push(message)
  await using cache = new BuildCache(parts, options, { platforms, emit: () => {}, warn, frozen: true })
  cache.begin()
  const source = await readDockerfile(await dockerfileRequest(options, context), sources.http)
  try {
    const request = await prepare({ ...options, outputs: [] }, sources, named, context, source, {
      warmRuntime: () => {},
      cache,
    })
    const plans = await Promise.all(
      platforms.map((platform) =>
        planBuild({ ...request.plan, platform, severalPlatforms: platforms.length > 1 }, request.services),
      ),
    )
    await cache.ready()
    const targets = plans.map(({ target }) => target.vertex)
    const predict = () =>
      solver.predict(targets, {
        placeholder: (id) => ({ id, layers: [] }),
        imported: cache.imported,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })
    let predictions = await predict()
    // A step that runs needs the files of what it stands on.
    while (cache.lazy.giveUp(neededLayers(predictions))) predictions = await predict()
    return { ...resultOf(withDoubts(predictions, cache.lazy)), warnings }
  } catch (error) {
    throw toBuildError(error, source.text)
  }
}

/** The layers that steps of this outcome stand on or read. */
function neededLayers(
  predictions: readonly Prediction<LayerChain>[],
  wanted: PredictedOutcome = 'miss',
): SnapshotName[] {
  const results = new Map(predictions.map(({ vertex, result }) => [vertex.digest, result]))
  const running = predictions.filter(({ outcome }) => outcome === wanted)
  return running.flatMap(({ vertex }) => vertex.inputs.flatMap(({ digest }) => results.get(digest)?.layers ?? []))
}

/** A step of which a cache has only the key will run if one that may run needs its files. */
function withDoubts(
  predictions: readonly Prediction<LayerChain>[],
  lazy: LazyLayers,
): readonly Prediction<LayerChain>[] {
  for (let known = predictions; ; ) {
    const doubtful = new Set(neededLayers(known, 'unknown').filter((layer) => lazy.isKeyOnly(layer)))
    const isDoubtful = ({ outcome, result }: Prediction<LayerChain>) =>
      outcome === 'hit' && result.layers.some((layer) => doubtful.has(layer))
    if (!known.some(isDoubtful)) return known
    known = known.map((one) => (isDoubtful(one) ? { ...one, outcome: 'unknown' } : one))
  }
}

function resultOf(predictions: readonly Prediction<LayerChain>[]): Omit<PlanResult, 'warnings'> {
  const shown = predictions.filter(({ vertex }) => vertex.hidden !== true)
  const count = (outcome: PlannedStep['outcome']) => shown.filter((step) => step.outcome === outcome).length
  const runs = predictions.filter(({ outcome }) => outcome === 'miss')
  const mayRun = predictions.filter(({ outcome }) => outcome !== 'hit')
  return {
    steps: shown.map(plannedStep),
    hits: count('hit'),
    misses: count('miss'),
    unknown: count('unknown'),
    estimateMs: longestPath(predictions, runs),
    estimateMaxMs: longestPath(predictions, mayRun),
    untimed: shown.filter(({ outcome, lastMs }) => outcome !== 'hit' && lastMs === undefined).length,
  }
}

function plannedStep({ vertex, outcome, miss, waitsFor, lastMs }: Prediction<LayerChain>): PlannedStep {
  const why =
    miss === undefined
      ? waitsFor === undefined
        ? undefined
        : `depends on what ${waitsFor.name} makes`
      : formatMiss(miss)
  return {
    id: vertex.digest,
    name: vertex.name,
    outcome,
    ...(miss === undefined ? {} : { miss }),
    ...(why === undefined ? {} : { why }),
    ...(lastMs === undefined ? {} : { lastMs }),
    ...(vertex.source === undefined ? {} : { source: vertex.source }),
  }
}
