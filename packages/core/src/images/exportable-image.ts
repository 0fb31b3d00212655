import type { ExportableImage } from '@tsbuild/exporter'
import type { Descriptor, DiffID, ImageManifest } from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import type { SourceLayer } from './image-source.js'

type Parts = Pick<EngineParts, 'images' | 'diffIds' | 'tables' | 'content' | 'store' | 'snapshotter'>

/** Whether a layer's blob is made when it leaves: it was built here, or came uncompressed in an archive. */
export function isVirtual({ content, tables }: Parts, { digest }: Descriptor, diffId: DiffID | undefined): boolean {
  if (diffId === undefined || digest !== diffId) return false
  const cameSo = tables.blobs(diffId).some((blob) => blob.digest === digest && blob.sources.length > 0)
  return !cameSo || !content.hasBlob(digest)
}

/** Whether every blob of the image is there in the form in which its manifest names it. */
export function isStored(parts: Parts, { layers }: ImageManifest, diffIds: readonly DiffID[]): boolean {
  return layers.every((blob, index) => parts.content.hasBlob(blob.digest) && !isVirtual(parts, blob, diffIds[index]))
}

/** The layers of an image, lowest first; `undefined` while they are not unpacked. */
export async function sourceLayers(parts: Parts, diffIds: readonly DiffID[]): Promise<SourceLayer[] | undefined> {
  const snapshots = parts.images.layersOf(diffIds)
  if (snapshots === undefined) return parts.images.rewrittenOf(diffIds)
  return await Promise.all(
    snapshots.map(async (snapshot) => ({ ...(await parts.diffIds.get(snapshot)), snapshot, fromBase: true })),
  )
}

/** An image of the store as outputs take it. */
export function exportableImage(
  { content }: Parts,
  { manifest }: { readonly manifest: ImageManifest },
  layers: readonly SourceLayer[],
): ExportableImage {
  const configBytes = content.readSmall(manifest.config.digest)
  if (configBytes === undefined) throw new RangeError('the config was there a moment ago')
  return {
    configBytes,
    layers: layers.map(({ diffId, size }, index) => {
      const { annotations } = manifest.layers[index] ?? {}
      return { diffId, size, ...(annotations === undefined ? {} : { annotations }) }
    }),
    format: manifest.config.mediaType.startsWith('application/vnd.docker.') ? 'docker' : 'oci',
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  }
}
