import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  ByteStream,
  CallOptions,
  ContentProvider,
  Descriptor,
  ImageConfig,
  ImageIndex,
  Platform,
  Reference,
} from '@tsbuild/spec'
import { canonicalJson, digestHex, formatReference, type JsonValue, mediaTypes, normalizePlatform } from '@tsbuild/spec'
import { describe, encodeManifest } from '../image/assemble.js'
import type { EncodedBlob, ExportableImage } from '../image/types.js'
import { layerBlob } from './layer-blob.js'
import { mapLimited } from './limited.js'
import { type ArchiveEntry, tarArchive } from './tar.js'
import type { LayerSource, OutputOptions } from './types.js'
import { verified } from './verified.js'
import { asOutputError, type WriteDestination, writeStream } from './write-stream.js'

export type OciDestination = { readonly tar: WriteDestination } | { readonly directory: string }

export interface OciLayoutOptions extends OutputOptions {
  /** The names that `index.json` gives to the image. */
  readonly references?: readonly Reference[]
}

/** Layers that are compressed at a time: each already uses several threads. */
const layersAtOnce = 2

/** Writes an image as an OCI image layout (OCI image spec, image-layout.md), as one tar or into a directory (made where it is missing;
 * blobs of other images in it stay, its `index.json` is replaced). Resolves with the manifest's descriptor.
 * @throws {ExporterError} `OUTPUT_FAILED`, `BLOB_MISMATCH` */
export async function writeOciLayout(
  image: ExportableImage,
  source: LayerSource,
  destination: OciDestination,
  options: OciLayoutOptions = {},
): Promise<Descriptor> {
  const { signal, references = [] } = options
  const call: CallOptions = signal === undefined ? {} : { signal }
  const layers = await mapLimited(image.layers, layersAtOnce, signal, (layer, layerSignal) =>
    layerBlob(layer, source, { ...options, signal: layerSignal }),
  )
  const config = describe(image.configBytes, mediaTypes.ociConfig)
  const manifest = encodeManifest(config.descriptor, layers, image.annotations)
  const files = layoutFiles(image, manifest, references)
  const blobs = blobEntries(layers, [config, manifest], source, call)
  if ('tar' in destination) {
    const directories: ArchiveEntry[] = ['blobs/', 'blobs/sha256/'].map((name) => ({ name, directory: true }))
    await writeStream(tarArchive([...directories, ...blobs, ...files]), destination.tar, call)
  } else {
    await writeDirectory(destination.directory, [...blobs, ...files], call)
  }
  return manifest.descriptor
}

/** `blobs/sha256/…`, each blob once, sorted by digest. */
export function blobEntries(
  layers: readonly Descriptor[],
  documents: readonly EncodedBlob[],
  source: ContentProvider,
  call: CallOptions,
): ArchiveEntry[] {
  const entries = new Map<string, ArchiveEntry>()
  for (const layer of layers) {
    const name = blobName(layer)
    entries.set(name, { name, size: layer.size, data: () => verified(source.read(layer, call), layer) })
  }
  for (const { descriptor, bytes } of documents) {
    const name = blobName(descriptor)
    entries.set(name, { name, size: bytes.length, data: () => bytes })
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function blobName({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/sha256/${digestHex(digest)}`
}

/** `oci-layout` and `index.json`, the latter last: a layout that breaks off has no index. */
export function layoutFiles(
  image: ExportableImage,
  { descriptor }: EncodedBlob,
  references: readonly Reference[],
): ArchiveEntry[] {
  const platform = platformOf(image.configBytes)
  const base: Descriptor = { ...descriptor, ...(platform === undefined ? {} : { platform }) }
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests:
      references.length === 0
        ? [base]
        : references.map((reference) => ({ ...base, annotations: nameAnnotations(reference) })),
  }
  return [jsonEntry('oci-layout', { imageLayoutVersion: '1.0.0' }), jsonEntry('index.json', index)]
}

/** The spec's name is the tag alone; containerd's and BuildKit's has the whole reference. */
function nameAnnotations(reference: Reference): Record<string, string> {
  const { digest, ...named } = reference
  const name = formatReference(named.tag === undefined && digest !== undefined ? reference : named)
  return {
    'io.containerd.image.name': name,
    ...(reference.tag === undefined ? {} : { 'org.opencontainers.image.ref.name': reference.tag }),
  }
}

function platformOf(configBytes: Uint8Array): Platform | undefined {
  const config = JSON.parse(Buffer.from(configBytes).toString('utf8')) as Partial<ImageConfig>
  const { os, architecture, variant } = config
  if (os === undefined || architecture === undefined) return undefined
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) })
}

export function jsonEntry(name: string, value: object): ArchiveEntry {
  const bytes = Buffer.from(canonicalJson(value as JsonValue), 'utf8')
  return { name, size: bytes.length, data: () => bytes }
}

async function writeDirectory(directory: string, entries: readonly ArchiveEntry[], call: CallOptions): Promise<void> {
  try {
    await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true })
  } catch (error) {
    throw asOutputError(error, directory)
  }
  for (const entry of entries) {
    if ('directory' in entry) continue
    const data = entry.data()
    await writeStream(data instanceof Uint8Array ? bytesStream(data) : data, join(directory, entry.name), call)
  }
}

async function* bytesStream(bytes: Uint8Array): ByteStream {
  yield bytes
}
