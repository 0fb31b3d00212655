import { isAbsolute, join, resolve } from 'node:path'
import {
  type ByteStream,
  type CacheBackend,
  type CallOptions,
  type Descriptor,
  type Digest,
  isDigest,
  type PutCacheBlobOptions,
} from '@tsbuild/spec'
import { readWhole } from '../bytes.js'
import { type CacheDocuments, cacheDocuments, parseManifest, recordMediaType } from '../cache-manifest.js'
import { RemoteCacheError } from '../errors.js'
import type { LocalCacheOptions } from '../options.js'
import { parallel } from '../parallel.js'
import { counted } from '../progress.js'
import { Source } from '../source.js'
import { errnoOf, fileFailure } from './errors.js'
import { withFolderLock } from './folder-lock.js'
import { findTag, formatIndex, parseIndex, withTag } from './index-document.js'
import { Layout } from './layout.js'
import { removeLeftBlobs } from './left-blobs.js'

/** Keeps a cache in a folder, as an OCI image layout: the record is the config of an image manifest, the blobs are its layers.
 * Several processes may use the folder at once. Nothing is read or made before the first call.
 * @throws {RemoteCacheError} `CACHE_OPTION_INVALID` */
export function openLocalCache(options: LocalCacheOptions): CacheBackend {
  const { directory, tag = 'latest', digest } = options
  if (directory === '') throw invalid('directory', '', 'it is empty')
  if (!/^\w[\w.-]{0,127}$/.test(tag))
    throw invalid('tag', tag, 'it may have letters, digits, "_", "." and "-", and 128 of them at most')
  if (digest !== undefined && !isDigest(digest)) throw invalid('digest', digest, 'not sha256:<64 hex digits>')
  return new LocalCache(new Layout(isAbsolute(directory) ? directory : resolve(directory)), tag, digest)
}

function invalid(option: string, value: string, state: string): RemoteCacheError {
  return new RemoteCacheError('CACHE_OPTION_INVALID', `Cannot use ${option} "${value}" of a local cache: ${state}`)
}

class LocalCache implements CacheBackend {
  readonly title: string
  readonly #layout: Layout
  readonly #tag: string
  readonly #digest: Digest | undefined
  #made: Promise<void> | undefined

  constructor(layout: Layout, tag: string, digest: Digest | undefined) {
    this.#layout = layout
    this.#tag = tag
    this.#digest = digest
    const suffix = digest === undefined ? (tag === 'latest' ? '' : `:${tag}`) : `@${digest}`
    this.title = `local ${layout.directory}${suffix}`
  }

  async has(digests: readonly Digest[], { signal }: CallOptions = {}): Promise<ReadonlySet<Digest>> {
    const found = new Set<Digest>()
    return this.#files(`Cannot look into ${this.title}`, signal, async () => {
      await parallel(digests, 8, async (digest) => {
        signal?.throwIfAborted()
        if (!(await this.#layout.hasBlob(digest))) return
        await this.#layout.touchBlob(digest)
        found.add(digest)
      })
      return found
    })
  }

  async *get(descriptor: Descriptor, { signal }: CallOptions = {}): ByteStream {
    const what = `Cannot read blob ${descriptor.digest} of ${this.title}`
    try {
      signal?.throwIfAborted()
      yield* this.#layout.readBlob(descriptor.digest, signal === undefined ? {} : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      if (errnoOf(error) === 'ENOENT')
        throw new RemoteCacheError('CACHE_BLOB_NOT_FOUND', `${what}: it is not there`, { cause: error })
      throw fileFailure(error, what)
    }
  }

  async put(
    descriptor: Descriptor,
    open: (offset: number) => ByteStream,
    { signal, onProgress, replace = false }: PutCacheBlobOptions = {},
  ): Promise<void> {
    const what = `Cannot write blob ${descriptor.digest} of ${this.title}`
    const source = new Source(open, signal)
    const write = async () => {
      this.#writable()
      if (!replace && (await this.#layout.hasBlob(descriptor.digest)))
        return await this.#layout.touchBlob(descriptor.digest)
      await this.#make()
      const data = counted(source.whole(descriptor, what), descriptor.size, onProgress)
      await this.#layout.writeBlob(descriptor.digest, data, signal)
    }
    await this.#files(what, signal, write, source)
  }

  async getRecord({ signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    const what = `Cannot read the record of ${this.title}`
    return this.#files(what, signal, async () => {
      const found = await this.#findManifest(what)
      if (found === undefined) return undefined
      const { config } = parseManifest(await this.#readWhole(found, what, signal), what)
      return config.mediaType === recordMediaType ? await this.#readWhole(config, what, signal) : undefined
    })
  }

  async putRecord(record: Uint8Array, blobs: readonly Descriptor[], { signal }: CallOptions = {}): Promise<void> {
    const what = `Cannot write the record of ${this.title}`
    await this.#files(what, signal, async () => {
      this.#writable()
      const documents = await cacheDocuments(record, blobs, this.title)
      await this.#make()
      await this.#layout.writeBlob(documents.record.digest, [record], signal)
      await this.#layout.writeBlob(documents.manifest.digest, [documents.manifestBytes], signal)
      const index = await this.#name(documents, what, signal)
      // The record is written: what can't be tidied up is no failure of that.
      await removeLeftBlobs(this.#layout, index, signal).catch(() => signal?.throwIfAborted())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #findManifest(what: string): Promise<Pick<Descriptor, 'digest' | 'size'> | undefined> {
    const bytes = await this.#layout.readIndex()
    if (bytes === undefined) return undefined
    const index = parseIndex(bytes, what)
    if (this.#digest === undefined) return findTag(index, this.#tag)
    return index.find(({ digest }) => digest === this.#digest)
  }

  async #name({ manifest }: CacheDocuments, what: string, signal?: AbortSignal): Promise<readonly Descriptor[]> {
    return withFolderLock(join(this.#layout.directory, 'index.json.lock'), signal, async () => {
      const bytes = await this.#layout.readIndex()
      const index = withTag(bytes === undefined ? [] : parseIndex(bytes, what), this.#tag, manifest)
      await this.#layout.writeIndex(formatIndex(index))
      return index
    })
  }

  async #readWhole(
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const options = signal === undefined ? {} : { signal }
    try {
      return await readWhole(this.#layout.readBlob(descriptor.digest, options), descriptor, what)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      const state = `blob ${descriptor.digest} is not there`
      throw new RemoteCacheError('CACHE_INVALID', `${what}: ${state}`, { cause: error })
    }
  }

  #writable(): void {
    if (this.#digest !== undefined) throw invalid('digest', this.#digest, 'what it names can only be read')
  }

  #make(): Promise<void> {
    this.#made ??= this.#layout.make().catch((error) => {
      this.#made = undefined
      throw error
    })
    return this.#made
  }

  /** Gives failures of the file system their codes, an abort its reason, and errors of the caller's stream back. */
  async #files<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>, source?: Source): Promise<T> {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      throw source?.failure !== undefined ? source.failure.error : fileFailure(error, what)
    }
  }
}
