/** What every call that waits takes. It rejects with `signal.reason` once the signal is aborted. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/** A stream of bytes; who consumes it may stop early (the producer's `return` is called). */
export type ByteStream = AsyncIterable<Uint8Array>

/** Told about the progress of a transfer or walk; cheap, called at most a few times a second per item.
 * @param bytes done so far
 * @param total expected, when known */
export type OnProgress = (bytes: number, total?: number) => void
