import type { ByteStream } from '@tsbuild/spec'

/** The same bytes, until `signal` aborts: then it rejects with the signal's reason at once, also while `data` hangs. */
export async function* abortable(data: ByteStream, signal: AbortSignal | undefined): ByteStream {
  if (signal === undefined) {
    yield* data
    return
  }
  signal.throwIfAborted()
  let reject: (reason: unknown) => void = () => {}
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  const iterator = data[Symbol.asyncIterator]()
  let ended = false
  try {
    for (;;) {
      // Not `Promise.race` with one promise of the signal: that would keep every chunk alive as long as itself.
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, refuse) => {
        reject = refuse
        signal.throwIfAborted()
        iterator.next().then(resolve, refuse)
      })
      if (next.done === true) {
        ended = true
        return
      }
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', stop)
    // Not awaited: a hanging source would keep the caller waiting.
    if (!ended) iterator.return?.().catch(() => {})
  }
}
