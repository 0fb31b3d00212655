import { setTimeout as sleep } from 'node:timers/promises'
import type { RetryOptions } from '../api.js'

/** {@link RetryOptions} with its defaults. */
export type RetryPolicy = Required<RetryOptions>

export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  return {
    attempts: options.attempts ?? 5,
    backoffMs: options.backoffMs ?? 300,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    maxRetryAfterMs: options.maxRetryAfterMs ?? 60_000,
  }
}

const transient = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'STALLED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

/** Whether an error of a connection may pass when it is tried again. */
export function isTransientError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return (
    transient.has(code) || code.startsWith('HPE_') || error.message === 'socket hang up' || error.message === 'aborted'
  )
}

/** Whether a status may pass when the request is sent again. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || (status >= 502 && status <= 504)
}

/** `Retry-After` (RFC 9110, 10.2.3: seconds or a date) in milliseconds from `now`. */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** Milliseconds before the attempt after `failures` failed ones: doubled each time, between half and the whole of it, 20 s at most. */
export function backoff(failures: number, policy: RetryPolicy): number {
  const full = Math.min(policy.backoffMs * 2 ** (failures - 1), 20_000)
  return full / 2 + (Math.random() * full) / 2
}

/** Waits; rejects with `signal.reason`. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
