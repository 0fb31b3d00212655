import { randomBytes } from 'node:crypto'
import type { SnapshotKey, SnapshotName } from '@tsbuild/spec'

/** A new name for a committed snapshot: short, since 125 of them share one page of mount options. */
export function newSnapshotName(): SnapshotName {
  return randomBytes(8).toString('hex') as SnapshotName
}

/** A new key for an active snapshot. */
export function newSnapshotKey(): SnapshotKey {
  return `a-${randomBytes(8).toString('hex')}` as SnapshotKey
}
