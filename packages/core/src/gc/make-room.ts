import { CacheCatalog } from '../cache/cache-catalog.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { diskFacts } from './disk-facts.js'
import { isFull, isNearlyFull } from './gc-policy.js'

const marginBytes = 64 << 20

/** Removes what of the cache was not used for the longest time, until a tenth of the disk is free; nothing that this build or another one
 * uses. Tells how many bytes that gave; with inodes short, everything goes that nobody uses.
 * @param moreThanNow what is free now was not enough: twice as much has to be */
export async function makeRoom(parts: EngineParts, moreThanNow = false): Promise<number> {
  // What was found in the cache counts as used from now on.
  await parts.hold.hold([]).catch(() => {})
  const disk = await diskFacts(parts.root)
  const short = disk.totalFiles > 0 && disk.freeFiles < disk.totalFiles * 0.02
  const cache = new CacheCatalog(parts, (work) => work())
  const { reclaimedBytes } = await cache.prune(
    short ? {} : { minFreeBytes: Math.max(disk.totalBytes * 0.1, moreThanNow ? 2 * disk.freeBytes + marginBytes : 0) },
  )
  return reclaimedBytes
}

/** Makes room before a step where the disk is nearly full. */
export async function ensureRoom(parts: EngineParts): Promise<void> {
  if (isNearlyFull(await diskFacts(parts.root))) await makeRoom(parts)
}

/** Whether a build failed for want of space. */
export function isFullDisk(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { readonly code?: unknown }
    // That is the disk of who gets the output.
    if (code === 'OUTPUT_FAILED') return false
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'STORE_FULL' || code === 'DISK_FULL') return true
  }
  return false
}

/** A command says with its exit code only that it failed, so the disk is asked; and what it printed counts where little is left, since
 * many take away again what they could not finish. */
export async function fullDisk({ root }: Pick<EngineParts, 'root'>, output: string): Promise<Error | undefined> {
  const disk = await diskFacts(root)
  const told = /no space left on device/i.test(output) && disk.freeBytes < disk.totalBytes * 0.25
  if (!told && !isFull(disk)) return undefined
  return new CoreError('DISK_FULL', 'Cannot run a step: no space left', {
    hint: 'Free space where the root folder is, or remove what is no longer needed with "tsbuild prune"',
  })
}
