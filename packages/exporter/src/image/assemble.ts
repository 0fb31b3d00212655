import { canonicalJson, type HistoryEntry, type ImageConfig, type JsonValue, mediaTypes } from '@tsbuild/spec'
import { ExporterError } from '../errors.js'
import { encodeConfig, encodeManifest } from './manifest.js'
import type { AssembledImage, ExportableImage } from './types.js'

/** What the image is made of; its layers are lowest first, those of the base image included. */
export interface AssembleOptions extends Omit<ExportableImage, 'configBytes'> {
  /** The config; its `rootfs` names the same diffIDs as `layers`. */
  readonly config: ImageConfig
}

/** Makes the image's config and manifest, encoded canonically. Pure: the same input gives the same bytes and digests.
 * Where the history lacks lines for layers (a base image without history), empty ones come first.
 * @throws {ExporterError} `IMAGE_INVALID` when layers, `rootfs` and history do not agree, or when annotations are to stand in
 * Docker's format, which has none */
export function assembleImage({ config: given, ...rest }: AssembleOptions): AssembledImage {
  const { layers, format, annotations } = rest
  const diffIds = layers.map(({ diffId }) => diffId)
  if (given.rootfs.diff_ids.join() !== diffIds.join()) {
    throw new ExporterError('IMAGE_INVALID', 'Cannot assemble image: its config names other layers than it has')
  }
  if (format === 'docker' && annotations !== undefined && Object.keys(annotations).length > 0) {
    throw new ExporterError('IMAGE_INVALID', "Cannot assemble image: Docker's manifest format has no annotations")
  }
  const history = completeHistory(given.history, layers.length)
  const config: ImageConfig = { ...given, ...(history === undefined ? {} : { history }) }
  const configBytes = Buffer.from(canonicalJson(config as unknown as JsonValue), 'utf8')
  const image: ExportableImage = { ...rest, configBytes }
  const { descriptor: configDescriptor } = encodeConfig(image)
  const encoded = encodeManifest(
    image,
    configDescriptor,
    layers.map(({ diffId, size }) => ({ mediaType: mediaTypes.ociLayer, digest: diffId, size })),
  )
  return {
    ...image,
    config,
    configDigest: configDescriptor.digest,
    manifest: encoded.manifest,
    manifestBytes: encoded.bytes,
    descriptor: encoded.descriptor,
  }
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
