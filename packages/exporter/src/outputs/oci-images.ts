import type { CallOptions, ContentProvider, Descriptor, ImageManifest, Reference } from '@tsbuild/spec'
import { indexedDescriptor } from '../image/manifest.js'
import type { EncodedBlob, ExportableImage } from '../image/types.js'
import type { ArchiveOptions } from './docker-archive.js'
import { blobEntries, layoutFiles } from './layout-files.js'
import { type OciDestination, writeLayout } from './oci-layout.js'
import { prepareImage } from './prepare-image.js'
import type { LayerSource, OutputOptions } from './types.js'
import { watched } from './watched.js'

/** One image of a layout, with the names that `index.json` gives to it. */
export type LayoutImage = { readonly references: readonly Reference[] } & (
  | { readonly image: ExportableImage; readonly source: LayerSource }
  /** An image whose every blob is there in the form in which it leaves: its bytes, and so its digest, stay. */
  | { readonly stored: StoredDocuments; readonly source: ContentProvider }
)

export interface StoredDocuments {
  readonly manifest: ImageManifest
  /** Of the manifest. */
  readonly descriptor: Descriptor
  readonly manifestBytes: Uint8Array
  readonly configBytes: Uint8Array
}

/** Writes several images as one OCI image layout; blobs that they have in common stand in it once.
 * @throws {ExporterError} `OUTPUT_FAILED`, `BLOB_MISMATCH` */
export async function writeOciImages(
  images: readonly LayoutImage[],
  destination: OciDestination,
  options: ArchiveOptions & OutputOptions = {},
): Promise<void> {
  const { signal, onProgress, archiveCompression } = options
  const call: CallOptions = signal === undefined ? {} : { signal }
  const members: Member[] = []
  for (const image of images) members.push(await memberOf(image, options))
  const blobs = members.map(({ layers, source }) => ({ layers, source: watched(source, onProgress) }))
  const documents = members.flatMap(({ config, manifest }) => [config, manifest])
  const files = layoutFiles(members.map(({ indexed, references }) => ({ top: indexed, references })))
  await writeLayout(destination, blobEntries(blobs, documents, call), files, call, archiveCompression)
}

interface Member {
  readonly layers: readonly Descriptor[]
  readonly config: EncodedBlob
  readonly manifest: EncodedBlob
  readonly indexed: Descriptor
  readonly source: ContentProvider
  readonly references: readonly Reference[]
}

async function memberOf(image: LayoutImage, options: OutputOptions): Promise<Member> {
  const { source, references } = image
  if ('image' in image) return { ...(await prepareImage(image.image, image.source, options)), source, references }
  const { manifest, descriptor, manifestBytes, configBytes } = image.stored
  return {
    layers: manifest.layers,
    config: { descriptor: manifest.config, bytes: configBytes },
    manifest: { descriptor, bytes: manifestBytes },
    indexed: indexedDescriptor({ configBytes, layers: [] }, descriptor),
    source,
    references,
  }
}
