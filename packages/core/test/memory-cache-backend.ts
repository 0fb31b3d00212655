import type { ByteStream, CacheBackend, Descriptor, Digest, PutCacheBlobOptions } from '@tsbuild/spec'

/** A cache in memory, which tells what was asked of it. */
export class MemoryCacheBackend implements CacheBackend {
  readonly title = 'memory'
  readonly blobs = new Map<Digest, Uint8Array>()
  record: Uint8Array | undefined
  /** Digests by what was asked of them. */
  readonly got: Digest[] = []
  readonly sent: Digest[] = []
  asked = 0

  async has(digests: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    this.asked++
    return new Set(digests.filter((digest) => this.blobs.has(digest)))
  }

  async *get({ digest }: Descriptor): ByteStream {
    this.got.push(digest)
    const bytes = this.blobs.get(digest)
    if (bytes === undefined) throw new Error(`blob ${digest} is not there`)
    yield bytes.subarray(0, bytes.length >> 1)
    yield bytes.subarray(bytes.length >> 1)
  }

  async put(
    { digest }: Descriptor,
    open: (offset: number) => ByteStream,
    { replace = false }: PutCacheBlobOptions = {},
  ): Promise<void> {
    if (this.blobs.has(digest) && !replace) return
    const chunks: Uint8Array[] = []
    for await (const chunk of open(0)) chunks.push(chunk)
    this.blobs.set(digest, Buffer.concat(chunks))
    this.sent.push(digest)
  }

  async getRecord(): Promise<Uint8Array | undefined> {
    return this.record
  }

  async putRecord(record: Uint8Array): Promise<void> {
    this.record = record
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
