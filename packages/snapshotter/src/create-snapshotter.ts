import { randomBytes } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { CallOptions, Mount, SnapshotKey, SnapshotName, Snapshotter, SnapshotUsage } from '@tsbuild/spec'
import { type ActiveSnapshot, activeChanges, commitActiveCopy, type SnapshotChange } from './directory/active-copy.js'
import { applyLayer } from './directory/apply-layer.js'
import { openFormat } from './directory/format.js'
import { checkName, Layout } from './directory/layout.js'
import { nativeStrategy } from './directory/native-strategy.js'
import { overlayStrategy } from './directory/overlay-strategy.js'
import { deriveLayer, packChainStream, packLayerStream } from './directory/read-layers.js'
import { readChainRecord, readRoot, sameRoot, writeChainRecord } from './directory/records.js'
import { rewriteLayer } from './directory/rewrite-layer.js'
import { SnapshotDirectory } from './directory/snapshot-directory.js'
import type { Strategy } from './directory/strategy.js'
import { sweepSessions } from './directory/sweep.js'
import type { LayerFormat } from './layers/layer.js'
import { createSnapshotPool } from './snapshot-pool.js'
import type { MaterialiseInput } from './tasks/messages.js'

export interface SnapshotterOptions {
  /** Where the snapshots lie; made when it is missing. One directory holds snapshots of one kind. Several processes may use it. */
  readonly directory: string
  /** Id of this session (`[a-z0-9]{8,24}`), under which active snapshots lie, for `sweep`; a function is asked at the first use.
   * Default: a random one. */
  readonly session?: string | (() => string)
  /** Where the worker entry files lie, for programs that are bundled into one file. */
  readonly workerDir?: string
  /** The most worker threads at once. Default: the number of processors. */
  readonly threads?: number
}

/** A snapshotter in a directory of this machine. */
export interface DirectorySnapshotter extends Snapshotter {
  /** Removes active snapshots and leftovers of the sessions for which `isDead` says yes, killing the processes that still have
   * them mounted; never those of this session. Returns the ids of those sessions. */
  sweep(isDead: (session: string) => boolean): Promise<string[]>
  /** Takes a committed snapshot out of sight at once, synchronously: whoever looks for it from now on does not find it. What it gives
   * removes the files; after a crash before that, `sweep` does. `undefined` where there is none of that name.
   *  @throws {SnapshotError} `SNAPSHOT_NAME_INVALID` */
  takeAway(name: SnapshotName): (() => Promise<void>) | undefined
  /** How to mount an active snapshot of this session that was prepared before, by whatever process.
   *  @throws {SnapshotError} `SNAPSHOT_NOT_FOUND`, also where one of its layers is gone */
  activeMount(key: SnapshotKey): Mount
  /** Makes a committed snapshot of what an active one of any session holds now, and leaves that as it is; it may be mounted, and files
   *  that are written meanwhile are copied as they are then.
   *  @throws {SnapshotError} `SNAPSHOT_EXISTS`, `SNAPSHOT_NOT_FOUND` */
  commitCopy(name: SnapshotName, active: ActiveSnapshot, options?: CallOptions): Promise<SnapshotUsage>
  /** Makes a committed snapshot of another one with its times cut: its tar is the one that `pack(from, { maxMtime })` streams.
   *  @param maxMtime seconds since the epoch
   *  @throws {SnapshotError} `SNAPSHOT_EXISTS`, `SNAPSHOT_NOT_FOUND` */
  rewrite(name: SnapshotName, from: SnapshotName, maxMtime: number, options?: CallOptions): Promise<SnapshotUsage>
  /** What an active snapshot of any session has changed.
   *  @throws {SnapshotError} `SNAPSHOT_NOT_FOUND` */
  changes(active: ActiveSnapshot, options?: CallOptions): Promise<SnapshotChange[]>
}

/** Chains are shown by overlayfs. Needs a file system that can be its upper directory (not overlayfs itself), and root.
 *  @throws {SnapshotError} `SNAPSHOT_FORMAT`, `SNAPSHOT_NAME_INVALID` (the session) */
export function createOverlaySnapshotter(options: SnapshotterOptions): DirectorySnapshotter {
  return createSnapshotter(options, 'overlay', overlayStrategy)
}

/** Chains are shown as full copies. Slow and large, but at home on every file system.
 *  @throws {SnapshotError} `SNAPSHOT_FORMAT`, `SNAPSHOT_NAME_INVALID` (the session) */
export function createNativeSnapshotter(options: SnapshotterOptions): DirectorySnapshotter {
  return createSnapshotter(options, 'native', nativeStrategy)
}

function createSnapshotter(
  options: SnapshotterOptions,
  kind: LayerFormat,
  strategyFor: (directory: SnapshotDirectory) => Strategy,
): DirectorySnapshotter {
  const { session = randomBytes(8).toString('hex') } = options
  if (typeof session === 'string') checkName('session', session)
  mkdirSync(options.directory, { recursive: true, mode: 0o711 })
  const layout = new Layout(realpathSync(options.directory), typeof session === 'function' ? session : () => session)
  openFormat(layout, kind)
  const pool = createSnapshotPool(options.threads ?? availableParallelism(), options.workerDir)
  const directory = new SnapshotDirectory(layout, pool)
  const strategy = strategyFor(directory)
  return {
    kind,
    prepare: (key, layers, call = {}) => prepare(directory, strategy, key, layers, call),
    view: async (layers, call = {}) => {
      directory.chain(layers)
      return strategy.view(layers, call.signal)
    },
    commit: (name, key, call = {}) => commit(directory, strategy, name, key, call),
    remove: (keyOrName) => remove(directory, keyOrName),
    has: (name) => directory.has(name),
    list: () => directory.list(),
    async usage(name) {
      const { bytes, entries } = directory.record(name)
      return { bytes, entries }
    },
    apply: (name, tar, more = {}) => applyLayer(directory, kind, name, tar, more),
    pack: (name, more = {}) => packLayerStream(directory, kind, name, more),
    derive: (name, more = {}) => deriveLayer(directory, kind, name, more),
    packChain: (layers, more = {}) => packChainStream(directory, kind, layers, more),
    copyChain: async (layers, target, { signal } = {}) => {
      const input: MaterialiseInput = { format: kind, layers: directory.chain(layers), target, root: false }
      return pool.run<SnapshotUsage>('materialise', input, signal === undefined ? {} : { signal })
    },
    takeAway(name) {
      checkName('name', name)
      return directory.takeAway(layout.committed(name))
    },
    sweep: (isDead) => sweepSessions(directory, isDead),
    activeMount(key) {
      const active = directory.mustHaveActive(key)
      const { layers } = readChainRecord(active)
      directory.chain(layers)
      return strategy.mount(active, layers)
    },
    commitCopy: (name, active, { signal } = {}) => commitActiveCopy(directory, kind, name, active, signal),
    rewrite: (name, from, maxMtime, call = {}) => rewriteLayer(directory, name, from, maxMtime, call),
    changes: (active, { signal } = {}) => activeChanges(directory, kind, active, signal),
    [Symbol.asyncDispose]: () => directory.close(),
  }
}

async function prepare(
  directory: SnapshotDirectory,
  strategy: Strategy,
  key: SnapshotKey,
  layers: readonly SnapshotName[],
  { signal }: CallOptions,
): Promise<Mount> {
  signal?.throwIfAborted()
  checkName('key', key)
  directory.chain(layers)
  const active = directory.layout.active(key)
  directory.create(active, key)
  try {
    const mount = await strategy.prepare(key, active, layers, signal)
    writeChainRecord(active, { layers, root: readRoot(`${active}/fs`) })
    return mount
  } catch (err) {
    await directory.discard(active)
    throw err
  }
}

async function commit(
  directory: SnapshotDirectory,
  strategy: Strategy,
  name: SnapshotName,
  key: SnapshotKey,
  { signal }: CallOptions,
): Promise<SnapshotUsage> {
  signal?.throwIfAborted()
  directory.mustNotHave(name)
  const active = directory.mustHaveActive(key)
  const { layers, root } = readChainRecord(active)
  const chain = directory.chain(layers)
  const rootChanged = !sameRoot(root, readRoot(`${active}/fs`))
  return strategy.commit({ active, chain, name, rootChanged, signal })
}

async function remove(directory: SnapshotDirectory, keyOrName: SnapshotKey | SnapshotName): Promise<void> {
  checkName('key', keyOrName)
  await directory.discard(directory.layout.active(keyOrName as SnapshotKey))
  if (!keyOrName.includes('-')) await directory.discard(directory.layout.committed(keyOrName as SnapshotName))
}
