import { existsSync, mkdirSync } from 'node:fs'
import type { SnapshotKey, SnapshotName, SnapshotUsage } from '@tsbuild/spec'
import { SnapshotError } from '../errors.js'
import type { LayerFormat } from '../layers/layer.js'
import type { Change } from '../layers/list-changes.js'
import type { ChangesInput, CopyUpperInput, DiffInput } from '../tasks/messages.js'
import { checkName } from './layout.js'
import { publishUpper } from './publish-upper.js'
import { readChainRecord, readRoot, sameRoot, writeLayerRecord } from './records.js'
import type { SnapshotDirectory } from './snapshot-directory.js'

/** An active snapshot, of whatever session. */
export interface ActiveSnapshot {
  readonly session: string
  readonly key: SnapshotKey
  /** Absolute paths in it that were made to mount on: no changes of its own while they are empty. */
  readonly mountPoints?: readonly string[]
}

/** One path that an active snapshot has changed. */
export interface SnapshotChange {
  readonly kind: 'added' | 'changed' | 'deleted'
  /** Absolute, in the snapshot. */
  readonly path: string
}

/** See `DirectorySnapshotter.commitCopy`. */
export async function commitActiveCopy(
  directory: SnapshotDirectory,
  format: LayerFormat,
  name: SnapshotName,
  snapshot: ActiveSnapshot,
  signal: AbortSignal | undefined,
): Promise<SnapshotUsage> {
  signal?.throwIfAborted()
  directory.mustNotHave(name)
  const active = activePath(directory, snapshot)
  const { layers, root } = readChainRecord(active)
  const chain = directory.chain(layers)
  const rootChanged = !sameRoot(root, readRoot(`${active}/fs`))
  const { mountPoints = [] } = snapshot
  const scratch = directory.layout.scratch('copy')
  directory.create(scratch, name)
  try {
    const call = signal === undefined ? {} : { signal }
    if (format === 'overlay' || chain.length === 0) {
      const input: CopyUpperInput = { upper: `${active}/fs`, target: `${scratch}/fs`, mountPoints }
      await directory.pool.run('copyUpper', input, call)
      return await publishUpper(directory, format, { active: scratch, chain, name, rootChanged, signal })
    }
    return await publishTreeCopy(directory, { active, chain, name, rootChanged, scratch, mountPoints }, signal)
  } catch (error) {
    await directory.discard(scratch)
    throw error
  }
}

interface TreeCopy {
  readonly active: string
  readonly chain: readonly string[]
  readonly name: SnapshotName
  readonly rootChanged: boolean
  readonly scratch: string
  readonly mountPoints: readonly string[]
}

async function publishTreeCopy(
  directory: SnapshotDirectory,
  { active, chain, name, rootChanged, scratch, mountPoints }: TreeCopy,
  signal: AbortSignal | undefined,
): Promise<SnapshotUsage> {
  const target = `${scratch}/layer`
  mkdirSync(target, 0o700)
  const input: DiffInput = {
    format: 'native',
    layers: chain,
    tree: `${active}/fs`,
    target,
    baseline: `${active}/baseline`,
    copy: { mountPoints },
  }
  const found = await directory.pool.run<SnapshotUsage>('diff', input, signal === undefined ? {} : { signal })
  const usage = { bytes: found.bytes, entries: found.entries + (rootChanged ? 1 : 0) }
  writeLayerRecord(target, { ...usage, root: rootChanged })
  directory.publish(target, name)
  await directory.discard(scratch)
  return usage
}

const kinds = { A: 'added', C: 'changed', D: 'deleted' } as const

/** See `DirectorySnapshotter.changes`. */
export async function activeChanges(
  directory: SnapshotDirectory,
  format: LayerFormat,
  snapshot: ActiveSnapshot,
  signal: AbortSignal | undefined,
): Promise<SnapshotChange[]> {
  const active = activePath(directory, snapshot)
  const { layers } = readChainRecord(active)
  const input: ChangesInput = {
    format,
    layers: directory.chain(layers),
    tree: `${active}/fs`,
    mountPoints: snapshot.mountPoints ?? [],
  }
  const changes = await directory.pool.run<Change[]>('changes', input, signal === undefined ? {} : { signal })
  return changes.map(([kind, path]) => ({
    kind: kinds[kind],
    path: `/${Buffer.from(path, 'latin1').toString('utf8')}`,
  }))
}

function activePath({ layout }: SnapshotDirectory, { session, key }: ActiveSnapshot): string {
  checkName('session', session)
  checkName('key', key)
  const path = `${layout.actives}/${session}/${key}`
  if (existsSync(`${path}/chain`)) return path
  throw new SnapshotError('SNAPSHOT_NOT_FOUND', `Cannot use snapshot "${key}": there is no active one with that key`)
}
