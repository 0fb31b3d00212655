import type { ContentProvider, Descriptor, DiffID, ImageManifest, Reference } from '@tsbuild/spec'
import { mapLimited } from './limited.js'
import type { PushedImage, PushImageOptions } from './push.js'
import { outcomeOf } from './push-progress.js'
import type { ImagePusher } from './types.js'

/** An image whose every blob is there in the form in which it leaves, such as one that was pulled. */
export interface StoredImage {
  readonly manifest: ImageManifest
  readonly manifestBytes: Uint8Array
  /** Of the manifest. */
  readonly descriptor: Descriptor
  /** Of the layers, lowest first. */
  readonly diffIds: readonly DiffID[]
}

const blobsAtOnce = 4

/** Pushes an image byte by byte as it is, so that its digest stays: layers and config side by side, then the manifest.
 * @throws errors of the pusher and of the content, `BLOB_NOT_FOUND` among them */
export async function pushStoredImage(
  { manifest, manifestBytes, descriptor, diffIds }: StoredImage,
  content: ContentProvider,
  pusher: ImagePusher,
  reference: Reference,
  { signal, mountFrom, onLayer }: Pick<PushImageOptions, 'signal' | 'mountFrom' | 'onLayer'>,
): Promise<PushedImage> {
  const layers = new Map(manifest.layers.map((blob, index) => [blob.digest, { blob, id: diffIds[index] }]))
  const jobs = [...layers.values(), { blob: manifest.config, id: undefined }]
  for (const { id } of layers.values()) if (id !== undefined) onLayer?.({ id, state: 'waiting' })
  await mapLimited(jobs, blobsAtOnce, signal, async ({ blob, id }, jobSignal) => {
    const call = { signal: jobSignal }
    let from: string | undefined
    const outcome = await pusher.pushBlob(reference, blob, (offset) => content.read(blob, { ...call, offset }), {
      ...call,
      mountFrom: id === undefined ? [] : (mountFrom?.(id) ?? []),
      onMounted: (repository) => {
        from = repository
      },
      onProgress: (bytes) => id !== undefined && onLayer?.({ id, state: 'pushing', bytes, total: blob.size }),
    })
    if (id !== undefined) onLayer?.(outcomeOf(id, outcome, from))
  })
  const call = signal === undefined ? {} : { signal }
  const digest = await pusher.pushManifest(reference, manifestBytes, descriptor.mediaType, call)
  return { digest, size: manifestBytes.length, layers: manifest.layers }
}
