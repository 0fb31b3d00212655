import { setMaxListeners } from 'node:events'
import { backoff, isTransientError, isTransientStatus, pause, type RetryPolicy, retryAfterMs } from './retry.js'
import type { HttpResponse } from './transport.js'

/** A transfer that only creeps is given up after this many interruptions. */
const maxInterruptions = 100

/** Counts the failed attempts of one transfer and waits between them. */
export class Attempts {
  readonly #policy: RetryPolicy
  readonly #signal: AbortSignal | undefined
  #failures = 0
  #interruptions = 0

  constructor(policy: RetryPolicy, signal: AbortSignal | undefined) {
    this.#policy = policy
    this.#signal = signal
    if (signal !== undefined) setMaxListeners(0, signal)
  }

  /** Bytes came through: the count starts again. */
  progressed(): void {
    this.#failures = 0
  }

  /** Waits before another attempt; `false` at once where there is none, or where the error will not pass. */
  async afterError(error: unknown): Promise<boolean> {
    this.#signal?.throwIfAborted()
    const status = (error as { readonly status?: unknown }).status
    const passing = isTransientError(error) || (typeof status === 'number' && isTransientStatus(status))
    if (!passing || !this.#countOn()) return false
    await pause(backoff(this.#failures, this.#policy), this.#signal)
    return true
  }

  /** The same for an answer; one that will be retried is discarded. */
  async afterResponse(response: HttpResponse): Promise<boolean> {
    if (!isTransientStatus(response.status)) return false
    const asked = retryAfterMs(response.headers['retry-after'], Date.now())
    if (asked !== undefined && asked > this.#policy.maxRetryAfterMs) return false
    if (!this.#countOn()) return false
    response.discard()
    await pause(Math.max(asked ?? 0, backoff(this.#failures, this.#policy)), this.#signal)
    return true
  }

  #countOn(): boolean {
    this.#failures++
    this.#interruptions++
    return this.#failures < this.#policy.attempts && this.#interruptions < maxInterruptions
  }
}
