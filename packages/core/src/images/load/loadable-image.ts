import type { ContentStore, Digest } from '@tsbuild/spec'
import {
  type Descriptor,
  familiarReference,
  type ImageConfig,
  type ImageManifest,
  isDigest,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import { CoreError } from '../../errors.js'

/** An image of an archive, with every blob in the store. */
export interface LoadableImage {
  /** Of the manifest. */
  readonly descriptor: Descriptor
  readonly manifest: ImageManifest
  readonly config: ImageConfig
  readonly references: readonly Reference[]
}

const smallBytes = 4 << 20

/** The JSON object in a blob.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export function readObject(content: ContentStore, digest: Digest, size: number, what: string): Record<string, unknown> {
  if (size > smallBytes) throw broken(what, `it has ${size} bytes, more than it may have`)
  const bytes = content.readSmall(digest)
  if (bytes === undefined) throw broken(what, 'it is missing')
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw broken(what, `it is no JSON: ${(cause as Error).message}`, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw broken(what, 'it is no JSON object')
  return value as Record<string, unknown>
}

/** An image's config, checked as far as it is used.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export function readConfig(content: ContentStore, digest: Digest, size: number, layers: number): ImageConfig {
  const what = `image config ${digest}`
  const config = readObject(content, digest, size, what)
  const { rootfs, os, architecture, history } = config as Partial<ImageConfig>
  const diffIds = rootfs?.diff_ids
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest)) throw broken(what, 'it does not say which layers it has')
  if (diffIds.length !== layers) throw broken(what, `it has ${diffIds.length} layers, the archive has ${layers} for it`)
  if (typeof os !== 'string' || typeof architecture !== 'string') throw broken(what, 'it does not say what it is for')
  if (history !== undefined && history !== null && !Array.isArray(history)) throw broken(what, 'its history is no list')
  return config as unknown as ImageConfig
}

/** The names of an image.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export function readNames(names: readonly unknown[], what: string): Reference[] {
  const references = names.map((name) => {
    try {
      return parseReference(String(name))
    } catch (cause) {
      throw broken(what, (cause as Error).message, cause)
    }
  })
  return [...new Map(references.map((reference) => [familiarReference(reference), reference])).values()]
}

export function broken(what: string, state: string, cause?: unknown): CoreError {
  return new CoreError('ARCHIVE_INVALID', `Cannot load ${what}: ${state}`, cause === undefined ? {} : { cause })
}
