import {
  canonicalJson,
  type Descriptor,
  digestOf,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type JsonValue,
  layerCompression,
  mediaTypes,
  normalizePlatform,
  type Platform,
} from '@tsbuild/spec'
import type { Annotations, EncodedBlob, ExportableImage, ImageFormat } from './types.js'

const dockerLayerTypes = {
  none: mediaTypes.dockerLayer,
  gzip: mediaTypes.dockerLayerGzip,
  zstd: mediaTypes.dockerLayerZstd,
} as const

/** The config of an image as a blob. */
export function encodeConfig({ configBytes, format }: ExportableImage): EncodedBlob {
  return describe(configBytes, format === 'docker' ? mediaTypes.dockerConfig : mediaTypes.ociConfig)
}

/** The manifest of an image whose layers leave as these blobs (OCI image spec, manifest.md), encoded. */
export function encodeManifest(
  image: Pick<ExportableImage, 'format' | 'annotations' | 'layers'>,
  config: Descriptor,
  blobs: readonly Descriptor[],
): EncodedBlob & { readonly manifest: ImageManifest } {
  const { format = 'oci', annotations } = image
  const mediaType = format === 'docker' ? mediaTypes.dockerManifest : mediaTypes.ociManifest
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType,
    config,
    layers: blobs.map((blob, index) => layerDescriptor(blob, format, image.layers[index]?.annotations)),
    ...some(annotations),
  }
  return { ...encodeBlob(manifest, mediaType), manifest }
}

function layerDescriptor(blob: Descriptor, format: ImageFormat, annotations: Annotations | undefined): Descriptor {
  if (format === 'oci') return { ...blob, ...some(annotations) }
  const compression = layerCompression(blob.mediaType)
  return compression === undefined ? blob : { ...blob, mediaType: dockerLayerTypes[compression] }
}

/** An index of these manifests (OCI image spec, image-index.md; Docker calls it a manifest list), encoded. */
export function encodeIndex(
  manifests: readonly Descriptor[],
  format: ImageFormat,
  annotations: Annotations | undefined,
): EncodedBlob {
  const mediaType = format === 'docker' ? mediaTypes.dockerIndex : mediaTypes.ociIndex
  const index: ImageIndex = { schemaVersion: 2, mediaType, manifests, ...some(annotations) }
  return encodeBlob(index, mediaType)
}

/** The descriptor under which an index names an image: with its platform and the annotations that belong there. */
export function indexedDescriptor(image: ExportableImage, manifest: Descriptor): Descriptor {
  const platform = platformOf(image.configBytes)
  return { ...manifest, ...(platform === undefined ? {} : { platform }), ...some(image.descriptorAnnotations) }
}

function platformOf(configBytes: Uint8Array): Platform | undefined {
  const config = JSON.parse(Buffer.from(configBytes).toString('utf8')) as Partial<ImageConfig>
  const { os, architecture, variant } = config
  if (os === undefined || architecture === undefined) return undefined
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) })
}

/** A member `annotations` where there are any. */
export function some(annotations: Annotations | undefined): { readonly annotations?: Annotations } {
  return annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }
}

/** A JSON document as a blob: canonical bytes and their descriptor. */
export function encodeBlob(value: object, mediaType: string): EncodedBlob {
  return describe(Buffer.from(canonicalJson(value as JsonValue), 'utf8'), mediaType)
}

/** The descriptor of bytes in memory. */
function describe(bytes: Uint8Array, mediaType: string): EncodedBlob {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes }
}
