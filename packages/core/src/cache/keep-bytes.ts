import type { PruneCacheOptions } from '../api/cache.js'

/** How many bytes of the cache may stay, by BuildKit's rules.
 * @param usedBytes of the cache
 * @param freeBytes of the disk */
export function keepBytes(
  { reservedBytes = 0, maxUsedBytes, minFreeBytes }: PruneCacheOptions,
  usedBytes: number,
  freeBytes: number,
): number {
  let keep = maxUsedBytes ?? (minFreeBytes === undefined ? reservedBytes : Number.POSITIVE_INFINITY)
  const lacking = (minFreeBytes ?? 0) - freeBytes
  if (lacking > 0) keep = Math.min(keep, usedBytes - lacking)
  return Math.max(keep, reservedBytes)
}
