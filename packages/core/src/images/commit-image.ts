import { type Annotations, type AssembledImage, assembleImage, type ImageFormat } from '@tsbuild/exporter'
import { chainIDs, inlineCacheMember, type JsonValue, type LayerInfo, type SnapshotName } from '@tsbuild/spec'
import type { InlineLayer } from '../cache/transfer/inline-cache.js'
import type { LazyLayers } from '../cache/transfer/lazy-layers.js'
import type { EngineParts } from '../engine-parts.js'
import type { StageState } from '../frontend/stage-state.js'
import type { LayerChain } from '../ops/layers.js'
import { imageConfig } from './image-config.js'
import type { SourceLayer } from './image-source.js'
import { rememberRewritten } from './rewritten-chains.js'

export interface CommitRequest {
  readonly target: StageState
  readonly chain: LayerChain
  readonly labels: Readonly<Record<string, string>>
  /** Of the manifest, and of its descriptor in an index. */
  readonly annotations: Annotations
  readonly descriptorAnnotations: Annotations
  readonly format: ImageFormat
  /** SOURCE_DATE_EPOCH, in seconds. */
  readonly epoch?: number
  /** No time in a layer of this build is later, in seconds; the base image's layers stay as they are. */
  readonly maxMtime?: number
  /** Layers that are known and not here. */
  readonly lazy?: LazyLayers
  /** Makes the cache that the image carries, of those of its layers that are as they were made. */
  readonly inlineCache?: (layers: readonly InlineLayer[]) => Promise<JsonValue>
  /** Milliseconds since the epoch, for an image without any layer. */
  readonly now: number
  readonly signal?: AbortSignal
}

export interface Committed {
  readonly built: AssembledImage
  readonly layers: readonly SourceLayer[]
}

/** Makes an image of a chain of layers: derives the digests that are not known yet, keeps manifest and config in the content store,
 * and remembers which snapshots the image's layers are, so that a later FROM finds them. */
export async function commitImage(parts: EngineParts, request: CommitRequest): Promise<Committed> {
  const { chain, target, labels, annotations, descriptorAnnotations, format, epoch, now, maxMtime, signal } = request
  const call = signal === undefined ? {} : { signal }
  const cutAt = chain.layers.map((_, index) => (index < target.baseLayers ? undefined : maxMtime))
  const elsewhere = chain.layers.map((layer) => request.lazy?.info(layer))
  const infos = await Promise.all(
    chain.layers.map((layer, index): LayerInfo | Promise<LayerInfo> => {
      const [known, limit] = [elsewhere[index], cutAt[index]]
      if (known !== undefined) return { diffId: known.diffId, size: known.size }
      return limit === undefined ? parts.diffIds.get(layer, call) : parts.diffIds.rewritten(layer, limit, call)
    }),
  )
  const layerTimes = chain.layers.map(
    (layer, index) => elsewhere[index]?.createdAt ?? parts.tables.get(layer)?.createdAt ?? now,
  )
  const inline = await request.inlineCache?.(
    infos.flatMap((info, index) => {
      // With times cut it is another layer than the one that its name stands for.
      if (cutAt[index] !== undefined) return []
      return [{ ...info, snapshot: chain.layers[index] as SnapshotName, createdAt: layerTimes[index] as number }]
    }),
  )
  const plain = imageConfig({
    target,
    diffIds: infos.map(({ diffId }) => diffId),
    layerTimes,
    labels,
    ...(epoch === undefined ? {} : { epoch }),
    now,
  })
  const built = assembleImage({
    config: inline === undefined ? plain : { ...plain, [inlineCacheMember]: inline },
    layers: infos.map((info, index) => ({ ...info, ...rewrittenAt(cutAt[index]) })),
    annotations,
    descriptorAnnotations,
    format,
  })
  for (const [descriptor, bytes] of [
    [built.manifest.config, built.configBytes],
    [built.descriptor, built.manifestBytes],
  ] as const) {
    if (!parts.content.hasBlob(descriptor.digest)) await parts.content.writeBlob(descriptor, bytes, call)
  }
  for (const known of elsewhere) {
    if (known === undefined) continue
    const { mediaType, digest, size } = known.blob
    await parts.tables.addBlob(known.diffId, { mediaType, digest, size, sources: known.sources })
  }
  if (maxMtime === undefined && elsewhere.every((known) => known === undefined))
    await rememberChain(parts, chain.layers, infos)
  const layers = infos.map((info, index) => ({
    ...sourceLayer(info, chain.layers[index], cutAt[index]),
    fromBase: index < target.baseLayers,
  }))
  if (maxMtime !== undefined) await rememberRewritten(parts.tables, layers)
  return { built, layers }
}

/** BuildKit's mark of a layer whose times were cut. */
function rewrittenAt(maxMtime: number | undefined): { readonly annotations?: Annotations } {
  return maxMtime === undefined ? {} : { annotations: { 'buildkit/rewritten-timestamp': String(maxMtime) } }
}

async function rememberChain(
  { tables }: EngineParts,
  layers: readonly SnapshotName[],
  infos: readonly LayerInfo[],
): Promise<void> {
  const id = chainIDs(infos.map(({ diffId }) => diffId)).at(-1)
  if (id === undefined || tables.chain(id)?.join() === layers.join()) return
  await tables.setChain(id, layers)
}

function sourceLayer(info: LayerInfo, snapshot: SnapshotName | undefined, maxMtime: number | undefined): SourceLayer {
  if (snapshot === undefined) throw new RangeError('a layer without a snapshot')
  return { ...info, snapshot, ...(maxMtime === undefined ? {} : { maxMtime }) }
}
