import { Readable } from 'node:stream'
import type { ByteStream, CallOptions, Descriptor } from '@tsbuild/spec'
import { RemoteCacheError } from '../errors.js'
import type { S3CacheOptions } from '../options.js'
import type { S3Client, S3ClientConfig } from './sdk.js'
import { upload } from './upload.js'

type Sdk = typeof import('./sdk.js')

/** S3 takes no smaller parts, and 10,000 of them at most. Three are held in memory at once, and each is hashed at one go. */
const partBytes = 5 << 20
const mostParts = 9_000

/** A bucket through the AWS SDK. Errors are the SDK's. */
export class S3Bucket {
  readonly #name: string
  readonly #options: S3CacheOptions
  readonly #attempts: number
  #opened: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | undefined
  /** Of failed uploads. */
  readonly #cleanups = new Set<Promise<unknown>>()
  #closed = false

  constructor(options: S3CacheOptions) {
    this.#name = options.bucket
    this.#options = options
    this.#attempts = options.attempts ?? 3
  }

  /** When the object was written last. */
  async modified(key: string, { signal }: CallOptions): Promise<Date | undefined> {
    const { sdk, client } = await this.#open()
    const command = new sdk.HeadObjectCommand({ Bucket: this.#name, Key: key })
    return (await client.send(command, abortable(signal))).LastModified
  }

  /** Makes the server write the object over itself, which makes it new. */
  async renew(key: string, { signal }: CallOptions): Promise<void> {
    const { sdk, client } = await this.#open()
    const source = encodeURIComponent(`${this.#name}/${key}`).replaceAll('%2F', '/').replaceAll('%3A', ':')
    const options = { Bucket: this.#name, Key: key, CopySource: source, MetadataDirective: 'REPLACE' } as const
    await client.send(new sdk.CopyObjectCommand(options), abortable(signal))
  }

  /** The object's bytes, asked for again from where they stopped as long as that brings some. */
  async *read(key: string, { signal }: CallOptions): ByteStream {
    let offset = 0
    for (let failures = 0; ; ) {
      const begun = offset
      const body = await this.#from(key, offset, signal)
      try {
        for await (const chunk of body) {
          offset += chunk.length
          yield chunk
        }
        return
      } catch (error) {
        signal?.throwIfAborted()
        failures = offset > begun ? 1 : failures + 1
        if (failures >= this.#attempts) throw error
      }
    }
  }

  /** Writes an object, whole or not at all. */
  async write(
    key: string,
    data: ByteStream,
    { size, mediaType }: Pick<Descriptor, 'size' | 'mediaType'>,
    options: CallOptions,
  ): Promise<void> {
    const target = { ...(await this.#open()), object: { Bucket: this.#name, Key: key }, mediaType }
    const bytes = Math.max(partBytes, Math.ceil(size / mostParts))
    await upload(target, data, bytes, options, (work) => {
      const pending = work.catch(() => {}).finally(() => this.#cleanups.delete(pending))
      this.#cleanups.add(pending)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#cleanups)
    const opened = await this.#opened?.catch(() => undefined)
    opened?.client.destroy()
  }

  async #from(key: string, offset: number, signal: AbortSignal | undefined): Promise<Readable> {
    const { sdk, client } = await this.#open()
    const range = offset === 0 ? {} : { Range: `bytes=${offset}-` }
    const command = new sdk.GetObjectCommand({ Bucket: this.#name, Key: key, ...range })
    const { Body: body, ContentRange: sent } = await client.send(command, abortable(signal))
    if (!(body instanceof Readable)) throw new Error('the answer has no body')
    if (offset > 0 && !sent?.startsWith(`bytes ${offset}-`)) {
      body.destroy()
      throw new Error('the server sent another range than asked for')
    }
    return body
  }

  #open(): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    if (this.#closed)
      throw new RemoteCacheError('CACHE_CLOSED', `Cannot use bucket "${this.#name}": the cache is closed`)
    this.#opened ??= import('./sdk.js').then((sdk) => ({
      sdk,
      client: quietly(() => new sdk.S3Client(settings(this.#options))),
    }))
    return this.#opened
  }
}

/** The SDK warns of the end of Node 20's support in versions to come; what is used here is a version that has it. */
function quietly<T>(create: () => T): T {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'
  const before = process.env[name]
  process.env[name] = 'true'
  try {
    return create()
  } finally {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  }
}

function abortable(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}

function settings(options: S3CacheOptions): S3ClientConfig {
  const { region, endpointUrl, accessKeyId, secretAccessKey, sessionToken, usePathStyle = false } = options
  const keys = accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey }
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
    ...(keys === undefined ? {} : { credentials: sessionToken === undefined ? keys : { ...keys, sessionToken } }),
    forcePathStyle: usePathStyle,
    maxAttempts: options.attempts ?? 3,
    // Blobs have digests, and many servers know no checksums behind a body.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
  }
}
