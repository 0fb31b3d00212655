import { type CallOptions, faultPoint, type JsonValue, type OnBuildEvent, type SnapshotName } from '@tsbuild/spec'
import type { CacheExport, CacheTarget } from '../../api.js'
import { type OnStepProgress, outputStep } from '../../build/output-step.js'
import type { EngineParts } from '../../engine-parts.js'
import { type LayerChain, layerFromValue } from '../../ops/layers.js'
import { RecordConcealer } from './concealer.js'
import { encodeCacheDocument } from './encode-document.js'
import { exportLayers } from './export-layers.js'
import { exportMounts } from './export-mounts.js'
import type { ImportedCache } from './imported-cache.js'
import type { LazyLayers } from './lazy-layers.js'
import type { MountTravel } from './mount-travel.js'
import { openCache } from './open-cache.js'
import { type RecordedBuild, travellingRecords } from './travelling-records.js'

type SentTarget = Exclude<CacheTarget, { readonly type: 'inline' }>

/** What a build has made, as far as its cache is concerned. */
export interface BuiltCache extends RecordedBuild {
  /** Of the targets. */
  readonly results: readonly LayerChain[]
  readonly imported: ImportedCache
  readonly lazy: LazyLayers
}

export interface ExportRequest extends CallOptions {
  readonly built: BuiltCache
  /** Set where cache mounts travel. */
  readonly mounts: MountTravel | undefined
  readonly emit: OnBuildEvent
  readonly warn: (message: string) => void
}

/** Sends what a build has made to caches elsewhere, one after the other. What goes wrong is told of, and fails only an export that is
 * required.
 * @throws what the backend throws */
export async function exportCaches(
  parts: EngineParts,
  targets: readonly CacheTarget[],
  request: ExportRequest,
): Promise<CacheExport[]> {
  const { emit, warn, signal } = request
  const done: CacheExport[] = []
  for (const target of targets) {
    if (target.type === 'inline') continue
    try {
      await using cache = await openCache(target, parts)
      const name = `exporting cache to ${cache.backend.title}`
      done.push(await outputStep(emit, name, (progress) => exportCache(parts, target, cache, request, progress)))
    } catch (error) {
      signal?.throwIfAborted()
      if (target.required === true) throw error
      warn(`Cannot export the cache: ${(error as Error).message}`)
    }
  }
  return done
}

async function exportCache(
  parts: EngineParts,
  target: SentTarget,
  { backend, source }: Awaited<ReturnType<typeof openCache>>,
  { built, mounts: travel, warn, signal }: ExportRequest,
  onProgress: OnStepProgress,
): Promise<CacheExport> {
  const begin = performance.now()
  const call = signal === undefined ? {} : { signal }
  const names = layersOf(parts, built, target.mode ?? 'min')
  await parts.hold.hold(names.filter((name) => parts.snapshotter.has(name)))
  const { lazy, imported } = built
  const sent = await exportLayers(parts, names, { ...call, backend, source, lazy, compression: target, onProgress })
  const tell = (item: string, bytes: number, total?: number) => onProgress(item, bytes, total, false)
  const { mounts, blobs, sentBytes } =
    travel === undefined
      ? { mounts: [], blobs: [], sentBytes: 0 }
      : await exportMounts(parts, {
          ...call,
          backend,
          steps: built.steps,
          maxBytes: travel.maxBytes,
          warn,
          onProgress: tell,
        })
  const concealer = new RecordConcealer(built.argValues)
  const document = {
    records: await travellingRecords(built),
    layers: sent.layers,
    digests: imported.used,
    mounts: mounts.map((mount) => ({
      ...mount,
      id: concealer.concealText(mount.id),
    })) as unknown as readonly JsonValue[],
  }
  faultPoint('cache-export.record.before')
  await backend.putRecord(
    await encodeCacheDocument(document),
    [...sent.layers.flatMap(({ blob }) => blob ?? []), ...blobs],
    call,
  )
  faultPoint('cache-export.record.after')
  const { title } = backend
  const { sentBlobs, layers } = sent
  const durationMs = performance.now() - begin
  return { title, sentBlobs, sentBytes: sent.sentBytes + sentBytes, layers: layers.length, durationMs }
}

/** The layers that an export of this mode has, as far as they can be had. What only the build itself has made, like a copy of the
 * context that a step mounts, stays where it is. */
function layersOf(
  { snapshotter }: Pick<EngineParts, 'snapshotter'>,
  { steps, results, lazy }: BuiltCache,
  mode: 'min' | 'max',
): SnapshotName[] {
  const inResult = new Set(results.flatMap(({ layers }) => layers))
  const names = steps.flatMap(({ vertex, record }) => {
    const layer = record === undefined ? undefined : layerFromValue(record.value)
    if (layer === undefined) return []
    return inResult.has(layer) || (mode === 'max' && vertex.source !== undefined) ? [layer] : []
  })
  return [...new Set(names)].filter((name) => snapshotter.has(name) || lazy.info(name) !== undefined)
}
