import type { CallOptions } from '@tsbuild/spec'

/** `regular`: a step's result; `exec.cachemount`: what `RUN --mount=type=cache` keeps. BuildKit's words. */
export type CacheEntryType = 'regular' | 'exec.cachemount'

/** One thing that is kept to make later builds faster. */
export interface CacheEntry {
  readonly id: string
  readonly type: CacheEntryType
  /** The step, or the id of the cache mount. */
  readonly description: string
  readonly sizeBytes: number
  /** It takes no space of its own: images or containers have its layer, too, or it has none. */
  readonly shared: boolean
  /** A build uses it just now. */
  readonly inUse: boolean
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** When a build last took it from the cache; not more exact than ten minutes. */
  readonly lastUsedAt: number
  /** How often it was taken from the cache; uses within ten minutes count as one. */
  readonly usageCount: number
  /** The entry that it was made on. */
  readonly parents: readonly string[]
}

/** Which entries are meant; all members must be met. */
export interface CacheFilter {
  /** Beginning of the id. */
  readonly id?: string
  readonly type?: CacheEntryType
  /** The description contains it. */
  readonly description?: RegExp
  readonly inUse?: boolean
  readonly shared?: boolean
  /** Last used before this; milliseconds since the epoch. */
  readonly unusedSince?: number
}

export interface PruneCacheOptions extends CallOptions {
  /** Also entries whose layers images or containers have: that frees no space. Default false. */
  readonly all?: boolean
  readonly filter?: CacheFilter
  /** So many bytes are kept in any case: those that were used last. */
  readonly reservedBytes?: number
  /** Not more than this is kept. */
  readonly maxUsedBytes?: number
  /** Only as much is removed as it takes to have so much of the disk free. */
  readonly minFreeBytes?: number
}

export interface PrunedCache {
  /** Least recently used first. */
  readonly entries: readonly CacheEntry[]
  readonly reclaimedBytes: number
}

/** What builds have kept. */
export interface Cache {
  /** Least recently used last. */
  list(filter?: CacheFilter): Promise<CacheEntry[]>
  /** Removes entries, least recently used first, with those that were made on them. Layers that images, containers or other entries have,
   *  and what running builds use, stay. */
  prune(options?: PruneCacheOptions): Promise<PrunedCache>
}

/** Bytes, a size such as `10gb` (binary units), or a part of the disk such as `20%`. */
export type Space = number | string

/** How much is kept of what builds cache: looked at after a build that made something, at most every ten minutes unless the disk gets
 * full. Least recently used entries go first; what images and containers have does not count. */
export interface GcPolicy {
  /** Kept in any case. Default 2 GiB. */
  readonly reservedSpace?: Space
  /** Not more than this is kept. Default 20 % of the disk, at least 4 GiB. */
  readonly maxUsedSpace?: Space
  /** So much of the disk is to stay free. Default 5 %. */
  readonly minFreeSpace?: Space
}
