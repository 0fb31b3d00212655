/** Runs functions, at most `limit` at a time, in the order in which they came. */
export function limiter(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      // The slot goes from hand to hand; it is given back when nobody waits.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
