import type { ByteStream } from '@tsbuild/spec'

/** The same bytes, until `signal` aborts: then it rejects with the signal's reason at once, also while `data` hangs. */
export async function* abortable(data: ByteStream, signal: AbortSignal | undefined): ByteStream {
  if (signal === undefined) {
    yield* data
    return
  }
  signal.throwIfAborted()
  let stop: () => void = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  aborted.catch(() => {})
  const iterator = data[Symbol.asyncIterator]()
  let ended = false
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted])
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
