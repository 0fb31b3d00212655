import type { GcPolicy } from '../api/cache.js'
import { CacheCatalog } from '../cache/cache-catalog.js'
import type { EngineParts } from '../engine-parts.js'
import { diskFacts } from './disk-facts.js'
import { gcLimits } from './gc-policy.js'

/** Between two collections, unless the disk gets full. */
const pauseMs = 600_000

/** Keeps the cache within its limits after a build that made something. */
export async function collectAfterBuild(parts: EngineParts, policy: GcPolicy): Promise<void> {
  const disk = await diskFacts(parts.root)
  const limits = gcLimits(policy, disk)
  const table = parts.store.metadata.table<number>('gc')
  const last = table.get('at')
  const isFull = disk.freeBytes < limits.minFreeBytes
  if (last !== undefined && Date.now() - last < pauseMs && !isFull) return
  await table.put('at', Date.now())
  // A new root folder has nothing yet that is worth a look.
  if (last === undefined && !isFull) return
  await new CacheCatalog(parts, (work) => work()).prune(limits)
}
