import { Readable } from 'node:stream'
import { parentPort, workerData } from 'node:worker_threads'
import type { DecompressReply, DecompressRequest, ForeignCompression } from './images/load/decompress-protocol.js'

/** Input of bzip2 that is worked through at once: all of what comes of it is held. */
const sliceBytes = 1024

const port = parentPort
let onInput = (_data: Uint8Array | undefined) => {}
let onTaken = () => {}
port?.on('message', (request: DecompressRequest) => {
  if (request.kind === 'input') onInput(request.data)
  else onTaken()
})

async function* input(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const data = await new Promise<Uint8Array | undefined>((resolve) => {
      onInput = resolve
      say({ kind: 'need' })
    })
    if (data === undefined) return
    yield data
  }
}

/** Waits until the piece was taken. */
function give(data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    onTaken = resolve
    say({ kind: 'chunk', data })
  })
}

function say(reply: DecompressReply): void {
  port?.postMessage(reply)
}

async function* unbzip2(): AsyncGenerator<Uint8Array> {
  const { default: open } = await import('unbzip2-stream')
  const decoder = open()
  const made: Uint8Array[] = []
  const errors: unknown[] = []
  decoder.on('data', (chunk: Uint8Array) => made.push(chunk))
  decoder.on('error', (error) => errors.push(error))
  for await (const data of input()) {
    for (let at = 0; at < data.length; at += sliceBytes) {
      decoder.write(Buffer.from(data.subarray(at, at + sliceBytes)))
      if (errors.length > 0) throw errors[0]
      yield* made.splice(0)
    }
  }
  decoder.end()
  if (errors.length > 0) throw errors[0]
  yield* made
}

async function* unxz(): AsyncGenerator<Uint8Array> {
  const { default: xz } = await import('xz-decompress')
  const source = Readable.toWeb(Readable.from(input(), { objectMode: false }))
  yield* new xz.XzReadableStream(source) as unknown as AsyncIterable<Uint8Array>
}

async function work(): Promise<void> {
  try {
    const stream = (workerData as ForeignCompression) === 'xz' ? unxz() : unbzip2()
    for await (const data of stream) await give(Uint8Array.from(data))
    say({ kind: 'end' })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    say({ kind: 'failed', why })
  }
}

void work()
