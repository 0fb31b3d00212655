import type { Descriptor } from '@tsbuild/spec'
import { encodeConfig, encodeManifest, indexedDescriptor } from '../image/manifest.js'
import type { EncodedBlob, ExportableImage } from '../image/types.js'
import { layerBlob } from './layer-blob.js'
import { mapLimited } from './limited.js'
import type { LayerSource, OutputOptions } from './types.js'

/** An image whose layers are in the form in which they leave. */
export interface PreparedImage {
  /** As the layers leave, lowest first. */
  readonly layers: readonly Descriptor[]
  readonly config: EncodedBlob
  readonly manifest: EncodedBlob
  /** The manifest's descriptor as an index has it. */
  readonly indexed: Descriptor
}

/** Layers that are compressed at a time: each already uses several threads. */
const layersAtOnce = 2

/** Compresses what has to be compressed, then knows every digest of the image. */
export async function prepareImage(
  image: ExportableImage,
  source: LayerSource,
  options: OutputOptions,
): Promise<PreparedImage> {
  const layers = await mapLimited(image.layers, layersAtOnce, options.signal, (layer, signal) =>
    layerBlob(layer, source, { ...options, signal }),
  )
  return preparedImage(image, layers)
}

/** The image with its layers as these blobs. */
export function preparedImage(image: ExportableImage, layers: readonly Descriptor[]): PreparedImage {
  const config = encodeConfig(image)
  const manifest = encodeManifest(image, config.descriptor, layers)
  return { layers, config, manifest, indexed: indexedDescriptor(image, manifest.descriptor) }
}
