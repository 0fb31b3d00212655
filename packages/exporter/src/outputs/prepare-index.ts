import type { Descriptor } from '@tsbuild/spec'
import { encodeIndex, some } from '../image/manifest.js'
import type { Annotations, EncodedBlob, ExportableImage } from '../image/types.js'
import { type PreparedImage, prepareImage } from './prepare-image.js'
import type { LayerSource, OutputOptions } from './types.js'

/** An image and where its layers come from. */
export interface SourcedImage {
  readonly image: ExportableImage
  readonly source: LayerSource
}

/** Images for several platforms under one digest. All have the same format. */
export interface ExportableIndex {
  /** In the order in which the index names them; at least one. */
  readonly images: readonly SourcedImage[]
  readonly annotations?: Annotations
  /** Annotations of the index's own descriptor, in the `index.json` of a layout. */
  readonly descriptorAnnotations?: Annotations
}

export interface PreparedIndex {
  readonly images: readonly (PreparedImage & SourcedImage)[]
  /** The index itself. */
  readonly document: EncodedBlob
  /** The index's descriptor with its annotations. */
  readonly top: Descriptor
}

/** Prepares the images one after the other, since each uses several threads, and makes the index of them. */
export async function prepareIndex(index: ExportableIndex, options: OutputOptions): Promise<PreparedIndex> {
  const images: (PreparedImage & SourcedImage)[] = []
  for (const { image, source } of index.images)
    images.push({ ...(await prepareImage(image, source, options)), image, source })
  const document = indexOf(
    index,
    images.map(({ indexed }) => indexed),
  )
  return { images, document, top: { ...document.descriptor, ...some(index.descriptorAnnotations) } }
}

/** The index of these manifests, encoded. */
export function indexOf({ images, annotations }: ExportableIndex, manifests: readonly Descriptor[]): EncodedBlob {
  return encodeIndex(manifests, images[0]?.image.format ?? 'oci', annotations)
}
