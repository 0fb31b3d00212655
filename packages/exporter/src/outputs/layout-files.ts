import type { CallOptions, ContentProvider, Descriptor, ImageIndex, Reference } from '@tsbuild/spec'
import { canonicalJson, digestHex, formatReference, type JsonValue, mediaTypes } from '@tsbuild/spec'
import type { EncodedBlob } from '../image/types.js'
import type { ArchiveEntry } from './tar.js'
import { verified } from './verified.js'

/** Layers and where their bytes come from. */
export interface LayerBlobs {
  readonly layers: readonly Descriptor[]
  readonly source: ContentProvider
}

/** `blobs/sha256/…`, each blob once, sorted by digest. */
export function blobEntries(
  images: readonly LayerBlobs[],
  documents: readonly EncodedBlob[],
  call: CallOptions,
): ArchiveEntry[] {
  const entries = new Map<string, ArchiveEntry>()
  for (const { layers, source } of images) {
    for (const layer of layers) {
      const name = blobName(layer)
      entries.set(name, { name, size: layer.size, data: () => verified(source.read(layer, call), layer) })
    }
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

export function blobDirectories(): ArchiveEntry[] {
  return ['blobs/', 'blobs/sha256/'].map((name) => ({ name, directory: true }))
}

/** What `index.json` names, and the names that it gives to it. */
export interface NamedDescriptor {
  readonly top: Descriptor
  readonly references?: readonly Reference[] | undefined
}

/** `oci-layout` and `index.json`, the latter last: a layout that breaks off has no index. */
export function layoutFiles(images: readonly NamedDescriptor[]): ArchiveEntry[] {
  const manifests = images.flatMap(({ top, references = [] }) => {
    const named = references.map(
      (reference): Descriptor => ({ ...top, annotations: { ...top.annotations, ...nameAnnotations(reference) } }),
    )
    return named.length === 0 ? [top] : named
  })
  const index: ImageIndex = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
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

export function jsonEntry(name: string, value: object): ArchiveEntry {
  const bytes = Buffer.from(canonicalJson(value as JsonValue), 'utf8')
  return { name, size: bytes.length, data: () => bytes }
}
