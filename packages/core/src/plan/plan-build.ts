import type { Prediction, Solver } from '@tsbuild/solver'
import { formatMiss } from '@tsbuild/spec'
import type { PlannedStep, PlanOptions, PlanResult } from '../api.js'
import { platformsOf, prepare } from '../build/build.js'
import { BuildCache } from '../build/build-cache.js'
import { toBuildError } from '../build/build-error.js'
import { openNamedContexts } from '../build/named-contexts.js'
import { dockerfileRequest, openContext } from '../build/open-context.js'
import { readDockerfile } from '../build/read-dockerfile.js'
import { openSources } from '../build/sources.js'
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
  const silent = { platforms, emit: () => {}, warn: () => {} }
  await using cache = new BuildCache(parts, options.signal === undefined ? {} : { signal: options.signal }, silent)
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
    const predictions = await solver.predict(
      plans.map(({ target }) => target.vertex),
      {
        placeholder: (id) => ({ id, layers: [] }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    )
    return resultOf(predictions)
  } catch (error) {
    throw toBuildError(error, source.text)
  }
}

function resultOf(predictions: readonly Prediction<LayerChain>[]): PlanResult {
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
