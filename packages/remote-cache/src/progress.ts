import type { ByteStream, OnProgress } from '@tsbuild/spec'

/** Milliseconds between two reports. */
const pauseMs = 200

/** Passes bytes on and tells how many they were, a few times a second and at the end. */
export async function* counted(data: ByteStream, total: number, onProgress: OnProgress | undefined): ByteStream {
  let bytes = 0
  let last = 0
  for await (const chunk of data) {
    yield chunk
    bytes += chunk.length
    if (onProgress === undefined || Date.now() - last < pauseMs) continue
    last = Date.now()
    onProgress(bytes, total)
  }
  onProgress?.(bytes, total)
}
