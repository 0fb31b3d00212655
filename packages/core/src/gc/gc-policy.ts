import type { GcPolicy } from '../api/cache.js'

/** What is known of a disk. */
export interface DiskFacts {
  readonly totalBytes: number
  readonly freeBytes: number
  readonly totalFiles: number
  readonly freeFiles: number
}

/** Limits in bytes. */
export interface GcLimits {
  readonly reservedBytes: number
  readonly maxUsedBytes: number
  readonly minFreeBytes: number
}

const gib = 2 ** 30
const leastUsedBytes = 4 * gib

/** The policy's limits on a disk of this size; by default a fifth of it, but not less than 4 GiB, and a twentieth stays free. */
export function gcLimits(policy: GcPolicy, { totalBytes }: Pick<DiskFacts, 'totalBytes'>): GcLimits {
  return {
    reservedBytes: amount(policy.reservedSpace, totalBytes) ?? 2 * gib,
    maxUsedBytes: amount(policy.maxUsedSpace, totalBytes) ?? Math.max(leastUsedBytes, totalBytes * 0.2),
    minFreeBytes: amount(policy.minFreeSpace, totalBytes) ?? totalBytes * 0.05,
  }
}

/** Bytes of a number, `10gb` or `15%` of `total`; `undefined` for nothing, NaN for something else. Units are binary. */
export function amount(value: number | string | undefined, total: number): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : Number.NaN
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*(%|[kmgt]?i?b?)$/i.exec(value.trim()) ?? []
  if (digits === '') return Number.NaN
  if (unit === '%') return Number(digits) <= 100 ? (total * Number(digits)) / 100 : Number.NaN
  const power = 'kmgt'.indexOf(unit.slice(0, 1).toLowerCase()) + 1
  return Number(digits) * 1024 ** (/^[kmgt]/i.test(unit) ? power : 0)
}

/** So little is left that a step may not get through. */
export function isNearlyFull({ totalBytes, freeBytes, totalFiles, freeFiles }: DiskFacts): boolean {
  // Some file systems have no fixed number of files, and say 0.
  return freeBytes < Math.min(64 << 20, totalBytes * 0.05) || (totalFiles > 0 && freeFiles < totalFiles * 0.02)
}

/** Nothing can be written any more. */
export function isFull({ freeBytes, totalFiles, freeFiles }: DiskFacts): boolean {
  return freeBytes < 1 << 20 || (totalFiles > 0 && freeFiles < 16)
}
