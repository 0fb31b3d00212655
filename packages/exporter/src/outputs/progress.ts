import type { Digest } from '@tsbuild/spec'
import type { OnBlobProgress } from './types.js'

const intervalMs = 200

/** Tells progress of a blob at most five times a second, and its end once. */
export function throttledBlobProgress(
  onProgress: OnBlobProgress | undefined,
  item: Digest,
  total: number,
): (bytes: number) => void {
  let last = 0
  let ended = false
  return (bytes) => {
    if (onProgress === undefined || ended) return
    const now = performance.now()
    ended = bytes >= total
    if (!ended && now - last < intervalMs) return
    last = now
    onProgress(item, bytes, total, ended)
  }
}
