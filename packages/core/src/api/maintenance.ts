import type { CallOptions } from '@tsbuild/spec'
import type { Finding, OnCheckProgress } from '@tsbuild/store'

export interface CheckRootOptions extends CallOptions {
  /** Mend what is wrong: what can't be right any more is taken away, so that it is a miss. Default false. */
  readonly repair?: boolean
  /** Derive every layer's tar again and compare it with its digest. Default false. */
  readonly deep?: boolean
  /** Snapshots that no table knows are left alone while they are younger than this. Default 10 minutes. */
  readonly graceMs?: number
  readonly onProgress?: OnCheckProgress
}

export interface CheckReport {
  readonly findings: readonly Finding[]
  /** Nothing is wrong, or all of it was mended. Leftovers of killed processes do not count. */
  readonly clean: boolean
}
