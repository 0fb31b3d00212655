import { type Descriptor, type ImageManifest, mediaTypes } from '@tsbuild/spec'
import { encodeManifest } from './manifest.js'
import type { EncodedBlob } from './types.js'

/** The OCI manifest of an image whose config is kept byte by byte, with its layers as these blobs, lowest first; encoded. */
export function describeImage(
  config: Pick<Descriptor, 'digest' | 'size'>,
  layers: readonly Descriptor[],
): EncodedBlob & { readonly manifest: ImageManifest } {
  const descriptor: Descriptor = { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.size }
  return encodeManifest({ layers: [] }, descriptor, layers)
}
