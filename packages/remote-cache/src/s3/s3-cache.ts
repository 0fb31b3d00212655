import type { ByteStream, CacheBackend, CallOptions, Descriptor, Digest, PutCacheBlobOptions } from '@tsbuild/spec'
import { readAtMost, readWhole } from '../bytes.js'
import { cacheDocuments, parseManifest, recordMediaType } from '../cache-manifest.js'
import { RemoteCacheError } from '../errors.js'
import type { S3CacheOptions } from '../options.js'
import { parallel } from '../parallel.js'
import { counted } from '../progress.js'
import { Source } from '../source.js'
import { S3Bucket } from './bucket.js'
import { isAbsent, s3Failure } from './errors.js'
import { type S3Place, s3Place } from './place.js'

const dayMs = 86_400_000
const maxManifestBytes = 16 << 20

/** Keeps a cache in a bucket of S3 or of a server that is compatible with it: blobs and records under their digests, and for each
 * name a manifest that names the record and the blobs. Nothing is loaded or asked before the first call.
 * @throws {RemoteCacheError} `CACHE_OPTION_INVALID` */
export function openS3Cache(options: S3CacheOptions): CacheBackend {
  return new S3Cache(s3Place(options), new S3Bucket(options), options.touchRefreshMs ?? dayMs)
}

class S3Cache implements CacheBackend {
  readonly title: string
  readonly #place: S3Place
  readonly #bucket: S3Bucket
  readonly #touchRefreshMs: number

  constructor(place: S3Place, bucket: S3Bucket, touchRefreshMs: number) {
    this.title = `s3 ${place.bucket}/${place.nameKey(place.names[0])}`
    this.#place = place
    this.#bucket = bucket
    this.#touchRefreshMs = touchRefreshMs
  }

  async has(digests: readonly Digest[], options: CallOptions = {}): Promise<ReadonlySet<Digest>> {
    const found = new Set<Digest>()
    await asked(`Cannot look into ${this.title}`, options, () =>
      parallel(digests, 32, async (digest) => {
        const key = this.#place.blobKey(digest)
        const modified = await this.#modified(key, options)
        if (modified === undefined) return
        found.add(digest)
        await this.#keepYoung(key, modified, options)
      }),
    )
    return found
  }

  async *get(descriptor: Descriptor, options: CallOptions = {}): ByteStream {
    const what = `Cannot read blob ${descriptor.digest} of ${this.title}`
    try {
      options.signal?.throwIfAborted()
      yield* this.#bucket.read(this.#place.blobKey(descriptor.digest), options)
    } catch (error) {
      options.signal?.throwIfAborted()
      throw s3Failure(error, what)
    }
  }

  async put(
    descriptor: Descriptor,
    open: (offset: number) => ByteStream,
    { onProgress, replace = false, ...options }: PutCacheBlobOptions = {},
  ): Promise<void> {
    const what = `Cannot write blob ${descriptor.digest} of ${this.title}`
    const source = new Source(open, options.signal)
    const write = async () => {
      const key = this.#place.blobKey(descriptor.digest)
      if (!replace && (await this.#modified(key, options)) !== undefined) return
      const data = counted(source.whole(descriptor, what), descriptor.size, onProgress)
      await this.#bucket.write(key, data, descriptor, options)
    }
    await asked(what, options, write, source)
  }

  async getRecord(options: CallOptions = {}): Promise<Uint8Array | undefined> {
    const what = `Cannot read the record of ${this.title}`
    return asked(what, options, async () => {
      const bytes = await this.#readManifest(what, options)
      if (bytes === undefined) return undefined
      const { config } = parseManifest(bytes, what)
      if (config.mediaType !== recordMediaType)
        throw new RemoteCacheError('CACHE_INVALID', `${what}: another program wrote it`)
      try {
        return await readWhole(this.#bucket.read(this.#place.blobKey(config.digest), options), config, what)
      } catch (error) {
        if (!isAbsent(error)) throw error
        throw new RemoteCacheError('CACHE_INVALID', `${what}: object ${config.digest} is not there`, { cause: error })
      }
    })
  }

  async putRecord(record: Uint8Array, blobs: readonly Descriptor[], options: CallOptions = {}): Promise<void> {
    await asked(`Cannot write the record of ${this.title}`, options, async () => {
      const documents = await cacheDocuments(record, blobs, this.title)
      const key = this.#place.blobKey(documents.record.digest)
      await this.#bucket.write(key, pieces(record), documents.record, options)
      for (const name of this.#place.names)
        await this.#bucket.write(
          this.#place.nameKey(name),
          pieces(documents.manifestBytes),
          documents.manifest,
          options,
        )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bucket.close()
  }

  async #modified(key: string, options: CallOptions): Promise<Date | undefined> {
    try {
      return (await this.#bucket.modified(key, options)) ?? new Date()
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }

  /** It serves as it is where that fails. */
  async #keepYoung(key: string, modified: Date, options: CallOptions): Promise<void> {
    if (this.#touchRefreshMs === 0 || Date.now() - modified.getTime() < this.#touchRefreshMs) return
    await this.#bucket.renew(key, options).catch(() => options.signal?.throwIfAborted())
  }

  async #readManifest(what: string, options: CallOptions): Promise<Uint8Array | undefined> {
    try {
      return await readAtMost(
        this.#bucket.read(this.#place.nameKey(this.#place.names[0]), options),
        maxManifestBytes,
        what,
      )
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }
}

/** As a stream gives them, so that nothing is held up by one long piece. */
async function* pieces(bytes: Uint8Array): ByteStream {
  for (let at = 0; at < bytes.length; at += 1 << 18) yield bytes.subarray(at, at + (1 << 18))
}

/** Gives failures of the SDK their codes, an abort its reason, and errors of the caller's stream back. */
async function asked<T>(what: string, { signal }: CallOptions, work: () => Promise<T>, source?: Source): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await work()
  } catch (error) {
    signal?.throwIfAborted()
    throw source?.failure !== undefined ? source.failure.error : s3Failure(error, what)
  }
}
