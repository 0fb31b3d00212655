import { setImmediate } from 'node:timers/promises'

/** How long work may go on before others have their turn. */
const limitMs = 8

/** A function that lets the event loop turn where the time since the last turn is long. */
export function pauses(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < limitMs) return undefined
    return setImmediate().then(() => {
      since = performance.now()
    })
  }
}
