import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AssembledImage,
  type AssembleOptions,
  assembleImage,
  ExporterError,
  type ExporterErrorCode,
  type LayerSource,
} from '@tsbuild/exporter'
import {
  asDiffID,
  type ByteStream,
  type Compression,
  type Descriptor,
  digestHex,
  digestOf,
  type ImageConfig,
} from '@tsbuild/spec'
import { pack } from 'tar-stream'
import * as assert from 'uvu/assert'

/** Text that compresses like source code does, the same for the same seed. */
export function text(size: number, seed = 1): Buffer {
  const out = Buffer.alloc(size)
  let state = seed
  for (let at = 0; at < size; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    at += out.write(`${(state >>> 20).toString(36)} const value = ${state % 97}\n`, at)
  }
  return out
}

/** A stream of bytes cut into chunks of a size. */
export async function* chunked(bytes: Uint8Array, size = 65_536): ByteStream {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function collect(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A layer's tar with files in it. */
export async function layerTar(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mtime: new Date(0) }, content)
  archive.finalize()
  return collect(archive as AsyncIterable<Buffer>)
}

export interface TestImage {
  readonly image: AssembledImage
  readonly source: LayerSource & {
    readonly compressions: number
    readonly known: Map<string, Descriptor>
    /** Blobs in which layers came, by diffID. */
    readonly originals: Map<string, Descriptor & { readonly compression: Compression }>
  }
}

/** An image of these layers; compressed blobs go to files in `folder`, as a content store keeps them. */
export function testImage(
  folder: string,
  tars: readonly Buffer[],
  { architecture = 'amd64', ...extra }: Partial<AssembleOptions> & { readonly architecture?: string } = {},
): TestImage {
  const layers = tars.map((tar) => ({ diffId: asDiffID(digestOf(tar)), size: tar.length }))
  const config: ImageConfig = {
    created: '2024-01-02T03:04:05Z',
    architecture,
    os: 'linux',
    config: { Cmd: ['/hello'], Env: ['PATH=/bin'], Labels: { a: 'ü' } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [
      ...layers.map((_, index) => ({ created_by: `COPY ${index}` })),
      { created_by: 'CMD ["/hello"]', empty_layer: true },
    ],
  }
  const blobs = new Map<string, Buffer>(tars.map((tar) => [digestOf(tar), tar]))
  const known = new Map<string, Descriptor>()
  const originals = new Map<string, Descriptor & { readonly compression: Compression }>()
  const source = {
    compressions: 0,
    known,
    originals,
    findOriginal: (diffId: string) => originals.get(diffId),
    read({ digest }: Descriptor, { offset = 0 }: { readonly offset?: number } = {}): ByteStream {
      const tar = blobs.get(digest)
      return tar === undefined
        ? createReadStream(join(folder, digestHex(digest)), { start: offset })
        : chunked(tar.subarray(offset))
    },
    findCompressed: (diffId: string, compression: string) => known.get(`${diffId} ${compression}`),
    async ingestCompressed(data: ByteStream) {
      source.compressions++
      const bytes = await collect(data)
      await writeFile(join(folder, digestHex(digestOf(bytes))), bytes)
      return { digest: digestOf(bytes), size: bytes.length }
    },
    rememberCompressed(diffId: string, descriptor: Descriptor) {
      known.set(`${diffId} ${descriptor.mediaType.endsWith('gzip') ? 'gzip' : 'zstd'}`, descriptor)
    },
  }
  return { image: assembleImage({ config, layers, ...extra }), source }
}

export async function fails(call: Promise<unknown>, code: ExporterErrorCode, message?: RegExp): Promise<ExporterError> {
  const error = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  if (!(error instanceof ExporterError)) throw error ?? new Error(`no error, ${code} expected`)
  assert.is(error.code, code, error.message)
  if (message !== undefined) assert.match(error.message, message)
  return error
}
