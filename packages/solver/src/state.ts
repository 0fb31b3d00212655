import type { CacheStore, Digest, KeyLocks } from '@tsbuild/spec'
import type PQueue from 'p-queue'
import type { Result } from './op.js'
import type { SharedRun } from './shared-run.js'

/** What the solves of one solver have in common. */
export interface SolverState<R extends Result> {
  readonly cache: CacheStore
  readonly locks: KeyLocks | undefined
  readonly queue: PQueue
  /** The runs under way, by cache key and the results that they are made on. */
  readonly runs: Map<Digest, SharedRun<R>>
}
