import {
  type CallOptions,
  type Descriptor,
  type DiffID,
  type Digest,
  formatReference,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import { encodeConfig } from '../image/manifest.js'
import type { ExportableImage, ExportLayer } from '../image/types.js'
import { layerBlob } from './layer-blob.js'
import { mapLimited } from './limited.js'
import { type PreparedImage, preparedImage } from './prepare-image.js'
import { type ExportableIndex, indexOf } from './prepare-index.js'
import { throttledBlobProgress } from './progress.js'
import { type OnPushedLayer, outcomeOf } from './push-progress.js'
import type { ImagePusher, LayerSource, OutputOptions } from './types.js'

export interface PushImageOptions extends OutputOptions {
  /** Repositories of the same registry from which a layer's blob may be mounted. */
  readonly mountFrom?: (diffId: DiffID) => readonly string[]
  /** Told what becomes of each layer. */
  readonly onLayer?: OnPushedLayer
}

/** What the registry has now. */
export interface PushedImage {
  /** Of the manifest. */
  readonly digest: Digest
  readonly size: number
  /** As they were pushed, lowest first. */
  readonly layers: readonly Descriptor[]
}

export interface PushedIndex {
  /** Of the index. */
  readonly digest: Digest
  readonly size: number
  /** In the index's order. */
  readonly images: readonly PushedImage[]
}

const blobsAtOnce = 4

/** Pushes an image: its layers (compressed where they are not yet) and config side by side, then the manifest, so that a name never
 * leads to an image with holes. What the registry has is not sent again.
 * @throws errors of the pusher and of the source */
export async function pushImage(
  image: ExportableImage,
  source: LayerSource,
  pusher: ImagePusher,
  reference: Reference,
  options: PushImageOptions = {},
): Promise<PushedImage> {
  const prepared = await pushBlobs(image, source, pusher, reference, options)
  await pushDocument(prepared.manifest, pusher, reference, options)
  return pushed(prepared)
}

/** Pushes images for several platforms, each under its digest, then the index of them under the name.
 * @throws errors of the pusher and of the sources */
export async function pushIndex(
  index: ExportableIndex,
  pusher: ImagePusher,
  reference: Reference,
  options: PushImageOptions = {},
): Promise<PushedIndex> {
  const images: PreparedImage[] = []
  for (const { image, source } of index.images) {
    const prepared = await pushBlobs(image, source, pusher, reference, options)
    const { digest } = prepared.manifest.descriptor
    await pushDocument(prepared.manifest, pusher, byDigest(reference, digest), options)
    images.push(prepared)
  }
  const document = indexOf(
    index,
    images.map(({ indexed }) => indexed),
  )
  await pushDocument(document, pusher, reference, options)
  return { digest: document.descriptor.digest, size: document.bytes.length, images: images.map(pushed) }
}

function pushed({ manifest, layers }: PreparedImage): PushedImage {
  return { digest: manifest.descriptor.digest, size: manifest.bytes.length, layers }
}

function byDigest({ registry, repository }: Reference, digest: Digest): Reference {
  return parseReference(formatReference({ registry, repository, digest }))
}

async function pushDocument(
  { descriptor, bytes }: PreparedImage['manifest'],
  pusher: ImagePusher,
  reference: Reference,
  { signal }: CallOptions,
): Promise<void> {
  await pusher.pushManifest(reference, bytes, descriptor.mediaType, signal === undefined ? {} : { signal })
}

async function pushBlobs(
  image: ExportableImage,
  source: LayerSource,
  pusher: ImagePusher,
  reference: Reference,
  options: PushImageOptions,
): Promise<PreparedImage> {
  const { signal, mountFrom, onProgress, onLayer } = options
  const config = encodeConfig(image)
  // The same layer may stand twice in an image; it is one blob.
  const distinct = [...new Map(image.layers.map((layer) => [layer.diffId, layer])).values()]
  const jobs: (ExportLayer | 'config')[] = [...distinct, 'config']
  for (const { diffId } of distinct) onLayer?.({ id: diffId, state: 'waiting' })
  const sent = await mapLimited(jobs, blobsAtOnce, signal, async (job, jobSignal) => {
    const call: CallOptions = { signal: jobSignal }
    if (job === 'config') {
      await pusher.pushBlob(reference, config.descriptor, (offset) => once(config.bytes.subarray(offset)), call)
      return config.descriptor
    }
    const { diffId: id } = job
    const blob = await layerBlob(job, source, {
      ...options,
      ...call,
      onProgress: (item, bytes, total, done) => {
        onProgress?.(item, bytes, total, done)
        onLayer?.({ id, state: 'preparing', bytes, total: job.size })
      },
    })
    const report = throttledBlobProgress(onProgress, blob.digest, blob.size)
    let from: string | undefined
    const outcome = await pusher.pushBlob(reference, blob, (offset) => source.read(blob, { ...call, offset }), {
      ...call,
      mountFrom: mountFrom?.(job.diffId) ?? [],
      onMounted: (repository) => {
        from = repository
      },
      onProgress: (bytes) => {
        report(bytes)
        onLayer?.({ id, state: 'pushing', bytes, total: blob.size })
      },
    })
    report(blob.size)
    onLayer?.(outcomeOf(id, outcome, from))
    return blob
  })
  const blobs = new Map(distinct.map(({ diffId }, index) => [diffId, sent[index]!]))
  return preparedImage(
    image,
    image.layers.map(({ diffId }) => blobs.get(diffId)!),
  )
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
