import { type CallOptions, type Descriptor, type DiffID, type Digest, mediaTypes, type Reference } from '@tsbuild/spec'
import { describe, encodeManifest } from '../image/assemble.js'
import type { ExportableImage, ExportLayer } from '../image/types.js'
import { layerBlob } from './layer-blob.js'
import { mapLimited } from './limited.js'
import { throttledBlobProgress } from './progress.js'
import type { ImagePusher, LayerSource, OutputOptions } from './types.js'

export interface PushImageOptions extends OutputOptions {
  /** Repositories of the same registry from which a layer's blob may be mounted. */
  readonly mountFrom?: (diffId: DiffID) => readonly string[]
}

/** What the registry has now. */
export interface PushedImage {
  /** Of the manifest. */
  readonly digest: Digest
  readonly size: number
  /** As they were pushed, lowest first. */
  readonly layers: readonly Descriptor[]
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
  const { signal, mountFrom, onProgress } = options
  const config = describe(image.configBytes, mediaTypes.ociConfig)
  // The same layer may stand twice in an image; it is one blob.
  const distinct = [...new Map(image.layers.map((layer) => [layer.diffId, layer])).values()]
  const jobs: (ExportLayer | 'config')[] = [...distinct, 'config']
  const pushed = await mapLimited(jobs, blobsAtOnce, signal, async (job, jobSignal) => {
    const call: CallOptions = { signal: jobSignal }
    if (job === 'config') {
      await pusher.pushBlob(reference, config.descriptor, (offset) => once(config.bytes.subarray(offset)), call)
      return config.descriptor
    }
    const blob = await layerBlob(job, source, { ...options, ...call })
    const report = throttledBlobProgress(onProgress, blob.digest, blob.size)
    await pusher.pushBlob(reference, blob, (offset) => source.read(blob, { ...call, offset }), {
      ...call,
      mountFrom: mountFrom?.(job.diffId) ?? [],
      onProgress: report,
    })
    report(blob.size)
    return blob
  })
  const blobs = new Map(distinct.map(({ diffId }, index) => [diffId, pushed[index]!]))
  const layers = image.layers.map(({ diffId }) => blobs.get(diffId)!)
  const manifest = encodeManifest(config.descriptor, layers, image.annotations)
  const digest = await pusher.pushManifest(
    reference,
    manifest.bytes,
    mediaTypes.ociManifest,
    signal === undefined ? {} : { signal },
  )
  return { digest, size: manifest.bytes.length, layers }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
