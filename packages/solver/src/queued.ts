import type PQueue from 'p-queue'

/** Runs a task when the queue has a slot for it. An abort takes it out of the wait at once; a task that has begun is left to end
 * by itself (the queue's own `signal` would give its slot away before it has). */
export function queued<T>(queue: PQueue, signal: AbortSignal, task: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    void queue.add(async () => {
      signal.removeEventListener('abort', onAbort)
      if (signal.aborted) return
      try {
        resolve(await task())
      } catch (error) {
        reject(error)
      }
    })
  })
}
