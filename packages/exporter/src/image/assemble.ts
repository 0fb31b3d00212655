import {
  canonicalJson,
  type Descriptor,
  digestOf,
  type HistoryEntry,
  type ImageConfig,
  type ImageManifest,
  type JsonValue,
  mediaTypes,
} from '@tsbuild/spec'
import { ExporterError } from '../errors.js'
import type { AssembledImage, EncodedBlob, ExportLayer } from './types.js'

export interface AssembleOptions {
  /** The config; its `rootfs` names the same diffIDs as `layers`. */
  readonly config: ImageConfig
  /** All layers, lowest first, those of the base image included. */
  readonly layers: readonly ExportLayer[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** Makes the image's config and manifest, encoded canonically. Pure: the same input gives the same bytes and digests.
 * Where the history lacks lines for layers (a base image without history), empty ones come first.
 * @throws {ExporterError} `IMAGE_INVALID` when layers, `rootfs` and history do not agree */
export function assembleImage({ config: given, layers, annotations }: AssembleOptions): AssembledImage {
  const diffIds = layers.map(({ diffId }) => diffId)
  if (given.rootfs.diff_ids.join() !== diffIds.join()) {
    throw new ExporterError('IMAGE_INVALID', 'Cannot assemble image: its config names other layers than it has')
  }
  const history = completeHistory(given.history, layers.length)
  const config: ImageConfig = { ...given, ...(history === undefined ? {} : { history }) }
  const encodedConfig = encodeBlob(config, mediaTypes.ociConfig)
  const encoded = encodeManifest(
    encodedConfig.descriptor,
    layers.map(({ diffId, size }) => ({ mediaType: mediaTypes.ociLayer, digest: diffId, size })),
    annotations,
  )
  return {
    config,
    configBytes: encodedConfig.bytes,
    configDigest: encodedConfig.descriptor.digest,
    manifest: encoded.manifest,
    manifestBytes: encoded.bytes,
    descriptor: encoded.descriptor,
    layers,
    ...(annotations === undefined ? {} : { annotations }),
  }
}

/** An OCI manifest of these blobs, encoded. */
export function encodeManifest(
  config: Descriptor,
  layers: readonly Descriptor[],
  annotations: Readonly<Record<string, string>> | undefined,
): EncodedBlob & { readonly manifest: ImageManifest } {
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers,
    ...(annotations === undefined ? {} : { annotations }),
  }
  return { ...encodeBlob(manifest, mediaTypes.ociManifest), manifest }
}

/** A JSON document as a blob: canonical bytes and their descriptor. */
export function encodeBlob(value: object, mediaType: string): EncodedBlob {
  return describe(Buffer.from(canonicalJson(value as JsonValue), 'utf8'), mediaType)
}

/** The descriptor of bytes in memory. */
export function describe(bytes: Uint8Array, mediaType: string): EncodedBlob {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes }
}

function completeHistory(
  history: readonly HistoryEntry[] | undefined,
  layers: number,
): readonly HistoryEntry[] | undefined {
  if (history === undefined) return undefined
  const described = history.filter(({ empty_layer }) => empty_layer !== true).length
  if (described > layers) {
    throw new ExporterError(
      'IMAGE_INVALID',
      `Cannot assemble image: its history has ${described} layers, the image ${layers}`,
    )
  }
  return [...Array.from({ length: layers - described }, (): HistoryEntry => ({})), ...history]
}
