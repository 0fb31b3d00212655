import { setTimeout as delay } from 'node:timers/promises'
import type { EngineParts } from '../engine-parts.js'
import { withContainerLock } from './container-locks.js'
import { endLeftovers } from './life.js'

/** Whoever needs the lock for a moment only is not disturbed. */
const lookAgainMs = 100

/** As `withContainerLock()`, but does not wait for what others, who hold the lock, run in the container: it is killed. */
export async function withForcedLock<T>(
  parts: Pick<EngineParts, 'locks' | 'openSnapshotter'>,
  id: string,
  body: () => Promise<T>,
): Promise<T> {
  const waiting = new AbortController()
  const failed = new AbortController()
  const ending = endUntil(parts, id, waiting.signal).catch((error: unknown) => failed.abort(error))
  const stopped = async () => {
    waiting.abort()
    await ending
  }
  try {
    return await withContainerLock(parts, id, { signal: failed.signal }, async () => {
      await stopped()
      return await body()
    })
  } finally {
    await stopped()
  }
}

async function endUntil(parts: Pick<EngineParts, 'openSnapshotter'>, id: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    await delay(lookAgainMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    await endLeftovers(parts, id)
  }
}
