import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, statSync, utimesSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { hasErrno, type WorkerPool } from '@tsbuild/host'
import { faultPoint, type SnapshotKey, type SnapshotName } from '@tsbuild/spec'
import { SnapshotError } from '../errors.js'
import { checkName, isSnapshotName, type Layout } from './layout.js'
import { type LayerRecord, readLayerRecord, readRoot } from './records.js'

/** The directory of snapshots and the small, quick things that are done with it on the calling thread. */
export class SnapshotDirectory {
  readonly layout: Layout
  readonly pool: WorkerPool
  readonly #removals = new Set<Promise<unknown>>()

  constructor(layout: Layout, pool: WorkerPool) {
    this.layout = layout
    this.pool = pool
  }

  has(name: SnapshotName): boolean {
    return isSnapshotName(name) && existsSync(`${this.layout.committed(name)}/fs`)
  }

  async list(): Promise<SnapshotName[]> {
    return (await readdir(this.layout.base)).filter(isSnapshotName).sort()
  }

  record(name: SnapshotName): LayerRecord {
    this.mustHave(name)
    return readLayerRecord(this.layout.committed(name))
  }

  /** Directories of the layers, lowest first. @throws {SnapshotError} `SNAPSHOT_NOT_FOUND` */
  chain(layers: readonly SnapshotName[]): string[] {
    return layers.map((name) => {
      this.mustHave(name)
      return this.layout.committed(name)
    })
  }

  mustHave(name: SnapshotName): void {
    checkName('name', name)
    if (!this.has(name))
      throw new SnapshotError('SNAPSHOT_NOT_FOUND', `Cannot use snapshot "${name}": there is none of that name`)
  }

  mustNotHave(name: SnapshotName): void {
    checkName('name', name)
    if (this.has(name)) throw existing(name)
  }

  mustHaveActive(key: SnapshotKey): string {
    checkName('key', key)
    const path = this.layout.active(key)
    if (existsSync(`${path}/chain`)) return path
    throw new SnapshotError('SNAPSHOT_NOT_FOUND', `Cannot use snapshot "${key}": there is no active one with that key`)
  }

  /** A new directory of this session, with an empty `fs` in it. @throws {SnapshotError} `SNAPSHOT_EXISTS` */
  create(path: string, shown: string): void {
    mkdirSync(this.layout.ownActives, { recursive: true, mode: 0o700 })
    try {
      mkdirSync(path, 0o700)
    } catch (err) {
      throw hasErrno(err, 'EEXIST') ? existing(shown) : err
    }
    mkdirSync(`${path}/fs`)
    chmodSync(`${path}/fs`, 0o755)
  }

  /** Gives `fs` what the root of the chain has: mode, owner and times. */
  inheritRoot(fs: string, top: string | undefined): void {
    if (top === undefined) return
    const { mode, uid, gid } = readRoot(`${top}/fs`)
    const { mtimeMs } = statSync(`${top}/fs`)
    if (uid !== 0 || gid !== 0) chownSync(fs, uid, gid)
    chmodSync(fs, mode)
    utimesSync(fs, mtimeMs / 1000, mtimeMs / 1000)
  }

  /** The one step that makes a snapshot: all or nothing. @throws {SnapshotError} `SNAPSHOT_EXISTS` */
  publish(path: string, name: SnapshotName): void {
    try {
      faultPoint('snapshot.publish.before')
      renameSync(path, this.layout.committed(name))
      faultPoint('snapshot.publish.after')
    } catch (err) {
      throw hasErrno(err, 'ENOTEMPTY', 'EEXIST') ? existing(name) : err
    }
  }

  /** Takes a path out of sight at once, and its content away in a worker. */
  async discard(path: string): Promise<void> {
    await this.takeAway(path)?.()
  }

  /** Takes a path out of sight: what it gives removes the content in a worker, and a sweep does where nobody comes to that. Nothing where
   * there is no such path. */
  takeAway(path: string): (() => Promise<void>) | undefined {
    const trash = this.layout.scratch('trash')
    mkdirSync(this.layout.ownActives, { recursive: true, mode: 0o700 })
    try {
      faultPoint('snapshot.trash.before')
      renameSync(path, trash)
      faultPoint('snapshot.trash.after')
    } catch (err) {
      if (hasErrno(err, 'ENOENT')) return undefined
      throw err
    }
    return () => this.#remove(trash)
  }

  async #remove(trash: string): Promise<void> {
    const removal = this.pool.run('remove', trash)
    this.#removals.add(removal)
    await removal.finally(() => this.#removals.delete(removal))
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#removals)
    await this.pool[Symbol.asyncDispose]()
  }
}

function existing(shown: string): SnapshotError {
  return new SnapshotError('SNAPSHOT_EXISTS', `Cannot make snapshot "${shown}": it exists already`)
}
