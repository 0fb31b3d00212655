import type { SnapshotName } from '@tsbuild/spec'
import type { Reader } from '../database/database.js'
import type { Rows } from '../database/rows.js'
import { leasedNow } from '../garbage/resource-uses.js'
import { takeUnused } from '../garbage/take-snapshots.js'
import { chainRows, forgetSnapshots, layerRows, rewrittenRows } from '../layers/layer-tables.js'
import type { CheckContext } from './context.js'
import type { Problem } from './finding.js'

const defaultGraceMs = 600_000

/** Compares the snapshots on disk with the rows of layers, in both directions. */
export async function* checkSnapshots(context: CheckContext): AsyncGenerator<Problem> {
  const { db, options } = context
  const { snapshots, signal } = options
  const youngSince = Date.now() - (options.graceMs ?? defaultGraceMs)
  const names = await snapshots.list()
  db.refresh()
  let done = 0
  for (const name of names) {
    signal?.throwIfAborted()
    options.onProgress?.('snapshots', ++done, names.length)
    if (!snapshots.isWhole(name)) {
      // Looked at again: it may have been on its way out.
      const still = (await snapshots.list()).includes(name) && !snapshots.isWhole(name)
      if (still) yield damaged(context, name)
      continue
    }
    if (layerRows.has(db, name)) continue
    const at = await snapshots.changedAt(name).catch(() => Number.POSITIVE_INFINITY)
    if (at >= youngSince || (await leasedNow(db, context.sessions)).has(name)) continue
    db.refresh()
    if (!layerRows.has(db, name)) yield unknown(context, name)
  }
}

function damaged({ db, sessions, options: { snapshots } }: CheckContext, name: SnapshotName): Problem {
  return {
    kind: 'snapshotDamaged',
    severity: 'error',
    subject: name,
    state: 'its files or its record are not there',
    repair: 'remove it, so that it is made again, unless a build or a container uses it',
    mend: () => takeUnused(db, sessions, name, snapshots.take, () => !snapshots.isWhole(name)),
  }
}

function unknown({ db, sessions, options: { snapshots } }: CheckContext, name: SnapshotName): Problem {
  return {
    kind: 'snapshotUnknown',
    severity: 'leftover',
    subject: name,
    state: 'no table knows it',
    repair: 'remove it',
    mend: () => takeUnused(db, sessions, name, snapshots.take, (tx) => !layerRows.has(tx, name)),
  }
}

/** Looks for rows of layers, and of stacks of them, whose snapshots are gone. */
export async function* checkLayers(context: CheckContext): AsyncGenerator<Problem> {
  const { db, stamps, options } = context
  const { snapshots } = options
  let done = 0
  for await (const { key, value } of layerRows.unhurried(db)) {
    options.onProgress?.('layers', ++done)
    const name = key as SnapshotName
    if (snapshots.isWhole(name)) continue
    db.refresh()
    if (!layerRows.has(db, key)) continue
    yield {
      kind: 'layerDangling',
      severity: 'leftover',
      subject: name,
      state: stamps.isSafe(value.stamp) ? 'its snapshot is not there' : 'its snapshot did not survive a power cut',
      repair: 'forget it',
      mend: () =>
        db.update((tx) => {
          if (snapshots.isWhole(name) || !layerRows.has(tx, key)) return false
          forgetSnapshots(tx, new Set([name]))
          return true
        }),
    }
  }
  yield* checkStacks(context, chainRows, ({ layers }) => layers)
  yield* checkStacks(context, rewrittenRows, ({ layers }) => layers.map(({ snapshot }) => snapshot))
}

/** Looks for rows of stacks of which a layer is gone. */
async function* checkStacks<Value>(
  { db, options: { snapshots } }: CheckContext,
  rows: Rows<Value>,
  layersOf: (value: Value) => readonly SnapshotName[],
): AsyncGenerator<Problem> {
  for await (const { key } of rows.unhurried(db)) {
    const isBroken = (from: Reader) => {
      const value = rows.get(from, key)
      return value !== undefined && !layersOf(value).every((name) => snapshots.isWhole(name))
    }
    if (!isBroken(db)) continue
    db.refresh()
    if (!isBroken(db)) continue
    yield {
      kind: 'chainDangling',
      severity: 'leftover',
      subject: key,
      state: 'one of its layers is not there',
      repair: 'forget it',
      mend: () =>
        db.update((tx) => {
          if (!isBroken(tx)) return false
          rows.remove(tx, key)
          return true
        }),
    }
  }
}
