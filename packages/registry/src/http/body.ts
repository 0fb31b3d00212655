import type { ByteStream } from '@tsbuild/spec'

/** The whole of a body, or `undefined` where it has more than `limit` bytes. */
export async function readAll(body: ByteStream, limit: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
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
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= limit) break
    }
  } catch {
    // What a broken error message said so far is still worth showing.
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8')
}
