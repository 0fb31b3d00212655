import {
  canonicalJson,
  type Descriptor,
  digestOf,
  type ImageManifest,
  isDigest,
  mediaTypes,
  parseJson,
} from '@tsbuild/spec'
import { digestAside, maxRecordBytes } from './bytes.js'
import { RemoteCacheError } from './errors.js'

/** Media type of a record. */
export const recordMediaType = 'application/vnd.tsbuild.cache.config.v1+json'

/** Some registries take no manifest without layers: this one stands in (OCI image spec, manifest.md "Guidance for an Empty
 * Descriptor"). */
export const emptyBlob = { bytes: new Uint8Array([0x7b, 0x7d]), descriptor: descriptorOf('{}', mediaTypes.ociEmpty) }

/** A record under the name of its manifest. */
export interface CacheDocuments {
  readonly record: Descriptor
  readonly manifest: Descriptor
  readonly manifestBytes: Uint8Array
}

/** The manifest of a cache: an image manifest whose config is the record and whose layers are the blobs, each once.
 * @throws {RemoteCacheError} `CACHE_INVALID` for a record that is too long */
export async function cacheDocuments(
  record: Uint8Array,
  blobs: readonly Descriptor[],
  title: string,
): Promise<CacheDocuments> {
  if (record.length > maxRecordBytes)
    throw new RemoteCacheError(
      'CACHE_INVALID',
      `Cannot write the record of ${title}: it has more than ${maxRecordBytes} bytes`,
    )
  const config = { mediaType: recordMediaType, digest: await digestAside(record), size: record.length }
  const layers = [
    ...new Map(blobs.map(({ mediaType, digest, size }) => [digest, { mediaType, digest, size }])).values(),
  ]
  const text = canonicalJson({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers,
  } as never)
  return { record: config, manifest: descriptorOf(text, mediaTypes.ociManifest), manifestBytes: Buffer.from(text) }
}

function descriptorOf(text: string, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(text), size: Buffer.byteLength(text) }
}

/** An image manifest, of which just the descriptors are checked. `what` begins the message.
 * @throws {RemoteCacheError} `CACHE_INVALID` */
export function parseManifest(bytes: Uint8Array, what: string): ImageManifest {
  const value = parseDocument(bytes, what) as Partial<ImageManifest>
  if (!isDescriptor(value.config) || !Array.isArray(value.layers) || !value.layers.every(isDescriptor))
    throw new RemoteCacheError('CACHE_INVALID', `${what}: it is no image manifest`)
  return value as ImageManifest
}

/** A JSON object.
 * @throws {RemoteCacheError} `CACHE_INVALID` */
export function parseDocument(bytes: Uint8Array, what: string): object {
  let value: unknown
  try {
    value = parseJson(Buffer.from(bytes).toString(), 'the document')
  } catch (cause) {
    throw new RemoteCacheError('CACHE_INVALID', `${what}: it is no JSON`, { cause })
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new RemoteCacheError('CACHE_INVALID', `${what}: it is no JSON object`)
  return value
}

/** Whether it has a digest, a size and a media type. */
export function isDescriptor(value: unknown): value is Descriptor {
  const { digest, size, mediaType } = (value ?? {}) as Partial<Descriptor>
  return isDigest(digest) && Number.isSafeInteger(size) && (size as number) >= 0 && typeof mediaType === 'string'
}
