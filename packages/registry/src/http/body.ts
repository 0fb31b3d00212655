import type { ByteStream } from '@tsbuild/spec'
import { StalledError } from './stalled-error.js'

/** Milliseconds that a body of a few KB to MB may take as a whole, however steadily it drips. */
const wholeMs = 120_000
const startMs = 10_000

/** The whole of a body, or `undefined` where it has more than `limit` bytes. */
export async function readAll(body: ByteStream, limit: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of until(body, performance.now() + wholeMs)) {
    size += chunk.length
    if (size > limit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/** The first `limit` bytes of a body as text; a body that breaks off gives what came. */
export async function readStart(body: ByteStream, limit: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of until(body, performance.now() + startMs)) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= limit) break
    }
  } catch {
    // What a broken error message said so far is still worth showing.
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8')
}

/** The body, until it takes too long. A single silence is the transport's to limit. */
async function* until(body: ByteStream, deadline: number): ByteStream {
  for await (const chunk of body) {
    if (performance.now() > deadline) throw new StalledError('its body does not come to an end')
    yield chunk
  }
}
