import { parentPort } from 'node:worker_threads'
import type { ZstdReply, ZstdRequest } from './zstd-protocol.js'

/** Output that is gathered for one reply. */
const replyBytes = 1024 * 1024
/** Input that is decompressed at a time: at most 700 blocks of 128 KiB come of it. */
const sliceBytes = 2 * 1024
/** The largest window of a first frame, as the zstd program takes it without being asked for more. */
const maxWindowBytes = 128 * 1024 * 1024

type Answer = (request: ZstdRequest) => ZstdReply

const port = parentPort
let answer: Promise<Answer> | undefined

port?.on('message', async (request: ZstdRequest) => {
  try {
    answer ??= request.kind === 'compress' ? compressor() : decompressor()
    const reply = (await answer)(request)
    port.postMessage(reply, reply.kind === 'done' ? reply.chunks.map(({ buffer }) => buffer as ArrayBuffer) : [])
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message: string }
    port.postMessage(
      (code === unexpectedEnd ? { kind: 'truncated' } : { kind: 'invalid', why: message }) satisfies ZstdReply,
    )
  }
})

/** fzstd's code for input that ends within a frame. */
const unexpectedEnd = 5

async function compressor(): Promise<Answer> {
  const { compress, init } = await import('@bokuweb/zstd-wasm')
  await init()
  return (request) => {
    if (request.kind !== 'compress') throw new Error('the thread compresses')
    // A copy, since the result is a view of the module's whole memory.
    return { kind: 'done', chunks: [new Uint8Array(compress(request.data as Buffer, request.level))], more: false }
  }
}

async function decompressor(): Promise<Answer> {
  const { Decompress } = await import('fzstd')
  let out: Uint8Array[] = []
  let size = 0
  const stream = new Decompress((chunk) => {
    if (chunk.length === 0) return
    // A view of a larger buffer would take that along.
    out.push(chunk.byteLength === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk))
    size += chunk.length
  })
  let input = new Uint8Array()
  let at = 0
  let last = false
  let started = false
  return (request) => {
    if (request.kind === 'compress') throw new Error('the thread decompresses')
    if (request.kind === 'decompress') {
      input = request.data as Uint8Array<ArrayBuffer>
      at = 0
      last = request.last
      if (!started) checkWindow(input)
      started = true
    }
    do {
      const slice = input.slice(at, at + sliceBytes)
      at += slice.length
      stream.push(slice, last && at === input.length)
    } while (at < input.length && size < replyBytes)
    const chunks = out
    out = []
    size = 0
    return { kind: 'done', chunks, more: at < input.length }
  }
}

/** RFC 8878, 3.1.1.1.2. */
function checkWindow(start: Uint8Array): void {
  const [, , , , descriptor = 0, window = 0] = start
  const isFrame = start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd
  if (!isFrame || (descriptor & 0x20) !== 0) return
  const base = 2 ** (10 + (window >> 3))
  if (base + (base / 8) * (window & 7) > maxWindowBytes) throw new Error('its window is larger than 128 MiB')
}
