import type { CallOptions, SnapshotName, SnapshotUsage } from '@tsbuild/spec'
import type { RewriteInput } from '../tasks/messages.js'
import { writeLayerRecord } from './records.js'
import type { SnapshotDirectory } from './snapshot-directory.js'

/** See `DirectorySnapshotter.rewrite`. */
export async function rewriteLayer(
  directory: SnapshotDirectory,
  name: SnapshotName,
  from: SnapshotName,
  maxMtime: number,
  { signal }: CallOptions,
): Promise<SnapshotUsage> {
  signal?.throwIfAborted()
  directory.mustNotHave(name)
  const record = directory.record(from)
  const { layout } = directory
  const target = layout.scratch('copy')
  directory.create(target, name)
  try {
    const input: RewriteInput = { source: layout.committed(from), target, maxMtime }
    await directory.pool.run('rewrite', input, signal === undefined ? {} : { signal })
    writeLayerRecord(target, record)
    directory.publish(target, name)
  } catch (error) {
    await directory.discard(target)
    throw error
  }
  return { bytes: record.bytes, entries: record.entries }
}
