import {
  type ByteStream,
  type CacheBackend,
  type CallOptions,
  type Descriptor,
  type Digest,
  familiarReference,
  hostPlatform,
  type Platform,
  type PutCacheBlobOptions,
  type Reference,
} from '@tsbuild/spec'
import { readWhole } from '../bytes.js'
import { cacheDocuments, emptyBlob, recordMediaType } from '../cache-manifest.js'
import { RemoteCacheError } from '../errors.js'
import type { CacheRegistryClient, InlineCache, InlineCacheOptions, RegistryCacheOptions } from '../options.js'
import { parallel } from '../parallel.js'
import { Source } from '../source.js'
import { registryFailure } from './errors.js'
import { type FoundManifest, findManifest } from './find-manifest.js'
import { isImageConfig, parseInlineConfig } from './inline-cache.js'
import { pulledBlob } from './pulled-blob.js'

/** A cache in a registry. What the reference names may be a cache, or an image that carries one. */
export interface RegistryCache extends CacheBackend {
  /** The cache inside the image that the reference names; `undefined` where it names none, or one without.
   *  `getRecord` gives `undefined` for an image: the two records differ in form.
   *  @throws {RemoteCacheError} `CACHE_INVALID`, `CACHE_UNREACHABLE`, `CACHE_DENIED` */
  getInline(options?: InlineCacheOptions): Promise<InlineCache | undefined>
}

/** Keeps a cache as an image manifest whose config is the record and whose layers are the blobs, so that any registry takes it.
 * Nothing is asked of the registry before the first call. */
export function openRegistryCache(options: RegistryCacheOptions): RegistryCache {
  return new RegistryBackedCache(options)
}

class RegistryBackedCache implements RegistryCache {
  readonly title: string
  readonly #client: CacheRegistryClient
  readonly #reference: Reference

  constructor({ client, reference }: RegistryCacheOptions) {
    this.#client = client
    this.#reference = reference
    this.title = `registry ${familiarReference(reference)}`
  }

  async has(digests: readonly Digest[], options: CallOptions = {}): Promise<ReadonlySet<Digest>> {
    const found = new Set<Digest>()
    await asked(options, () =>
      parallel(digests, 8, async (digest) => {
        if (await this.#client.hasBlob(this.#reference, { digest }, options)) found.add(digest)
      }),
    )
    return found
  }

  async *get(descriptor: Descriptor, options: CallOptions = {}): ByteStream {
    try {
      options.signal?.throwIfAborted()
      yield* pulledBlob(this.#client, this.#reference, descriptor, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      throw registryFailure(error)
    }
  }

  async put(
    descriptor: Descriptor,
    open: (offset: number) => ByteStream,
    { sources = [], replace: _, ...options }: PutCacheBlobOptions = {},
  ): Promise<void> {
    const source = new Source(open, options.signal)
    const mountFrom = sources
      .filter(({ registry }) => registry === this.#reference.registry)
      .map(({ repository }) => repository)
    const push = () =>
      this.#client.pushBlob(this.#reference, descriptor, (offset) => source.open(offset), { ...options, mountFrom })
    await asked(options, push, source)
  }

  async getRecord(options: CallOptions = {}): Promise<Uint8Array | undefined> {
    return asked(options, async () => {
      const what = `Cannot read the record of ${this.title}`
      const found = await this.#find(what, hostPlatform(), options)
      if (found?.manifest.config.mediaType !== recordMediaType) return undefined
      return this.#readWhole(found.manifest.config, what, options)
    })
  }

  async getInline({
    platform = hostPlatform(),
    ...options
  }: InlineCacheOptions = {}): Promise<InlineCache | undefined> {
    return asked(options, async () => {
      const what = `Cannot read the inline cache of ${this.title}`
      const found = await this.#find(what, platform, options)
      if (found === undefined || !isImageConfig(found.manifest.config)) return undefined
      const bytes = await this.#readWhole(found.manifest.config, what, options)
      const inline = parseInlineConfig(bytes, found.manifest.layers.length, what)
      return inline === undefined ? undefined : { ...found, ...inline }
    })
  }

  async putRecord(record: Uint8Array, blobs: readonly Descriptor[], options: CallOptions = {}): Promise<void> {
    if (this.#reference.digest !== undefined)
      throw new RemoteCacheError(
        'CACHE_OPTION_INVALID',
        `Cannot write the record of ${this.title}: a name with a digest can only be read`,
      )
    await asked(options, async () => {
      const layers = blobs.length === 0 ? [emptyBlob.descriptor] : blobs
      const documents = await cacheDocuments(record, layers, this.title)
      if (blobs.length === 0) await this.#push(emptyBlob.descriptor, emptyBlob.bytes, options)
      await this.#push(documents.record, record, options)
      const { manifest, manifestBytes } = documents
      await this.#client.pushManifest(this.#reference, manifestBytes, manifest.mediaType, options)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #find(what: string, platform: Platform, options: CallOptions): Promise<FoundManifest | undefined> {
    return findManifest(this.#client, this.#reference, platform, what, options)
  }

  async #readWhole(descriptor: Descriptor, what: string, options: CallOptions): Promise<Uint8Array> {
    try {
      return await readWhole(this.get(descriptor, options), descriptor, what)
    } catch (error) {
      if (!(error instanceof RemoteCacheError) || error.code !== 'CACHE_BLOB_NOT_FOUND') throw error
      throw new RemoteCacheError('CACHE_INVALID', `${what}: its blob ${descriptor.digest} is not there`, {
        cause: error,
      })
    }
  }

  #push(descriptor: Descriptor, bytes: Uint8Array, options: CallOptions): Promise<unknown> {
    const open = async function* (offset: number) {
      // Pieces, since a socket is handed each one whole.
      for (let at = offset; at < bytes.length; at += 1 << 16) yield bytes.subarray(at, at + (1 << 16))
    }
    return this.#client.pushBlob(this.#reference, descriptor, open, options)
  }
}

/** Gives failures of the registry their codes, an abort its reason, and errors of the caller's stream back. */
async function asked<T>({ signal }: CallOptions, work: () => Promise<T>, source?: Source): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await work()
  } catch (error) {
    signal?.throwIfAborted()
    throw source?.failure === undefined ? registryFailure(error) : source.failure.error
  }
}
