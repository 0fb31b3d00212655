/** Maps items side by side, `limit` at a time; the first failure aborts the signal that the others got, is thrown once all have ended. */
export async function mapLimited<In, Out>(
  items: readonly In[],
  limit: number,
  signal: AbortSignal | undefined,
  map: (item: In, signal: AbortSignal) => Promise<Out>,
): Promise<Out[]> {
  const stop = new AbortController()
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const results: Out[] = []
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const work = async () => {
    for (let index = next++; index < items.length; index = next++) {
      try {
        both.throwIfAborted()
        results[index] = await map(items[index]!, both)
      } catch (error) {
        failure ??= { error }
        stop.abort(error)
        return
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work))
  if (failure !== undefined) throw failure.error
  return results
}
