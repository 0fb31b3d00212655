import type { OnProgress } from '@tsbuild/spec'

const intervalMs = 200

/** Tells progress at most five times a second, and at the end. */
export function throttledProgress(onProgress: OnProgress | undefined, total: number): (bytes: number) => void {
  let last = 0
  return (bytes) => {
    if (onProgress === undefined) return
    const now = performance.now()
    if (bytes < total && now - last < intervalMs) return
    last = now
    onProgress(bytes, total)
  }
}
