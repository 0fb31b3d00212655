import { readdirSync, rmSync } from 'node:fs'
import { faultPoint, type SnapshotUsage } from '@tsbuild/spec'
import { toBinary } from '../binary-path.js'
import { removeTree } from '../files/remove.js'
import type { LayerFormat } from '../layers/layer.js'
import type { NormaliseInput } from '../tasks/messages.js'
import { normalise } from '../tasks/trees.js'
import { writeLayerRecord } from './records.js'
import { isSmallUpper } from './small-upper.js'
import type { SnapshotDirectory } from './snapshot-directory.js'
import type { CommitRequest } from './strategy.js'

async function normalised(
  directory: SnapshotDirectory,
  input: NormaliseInput,
  signal: AbortSignal | undefined,
): Promise<SnapshotUsage> {
  if (readdirSync(input.upper).length === 0) return { bytes: 0, entries: 0 }
  if (isSmallUpper(toBinary(input.upper))) return normalise(input, { throwIfAborted() {} })
  return directory.pool.run<SnapshotUsage>('normalise', input, signal === undefined ? {} : { signal })
}

/** Commits a directory of changes in place: makes them canonical and renames it. An empty one costs no worker. */
export async function publishUpper(
  directory: SnapshotDirectory,
  format: LayerFormat,
  { active, chain, name, rootChanged, signal }: CommitRequest,
): Promise<SnapshotUsage> {
  const upper = `${active}/fs`
  const input: NormaliseInput = { format, upper, layers: chain }
  const found = await normalised(directory, input, signal)
  const usage = { bytes: found.bytes, entries: found.entries + (rootChanged ? 1 : 0) }
  // the kernel leaves its own directories there, and the mark of a volatile mount
  removeTree(toBinary(`${active}/work`))
  faultPoint('snapshot.record.before')
  writeLayerRecord(active, { ...usage, root: rootChanged })
  directory.publish(active, name)
  rmSync(`${directory.layout.committed(name)}/chain`, { force: true })
  return usage
}
