import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { parseJson, type SnapshotName, type SnapshotUsage } from '@tsbuild/spec'

/** What is kept beside a committed layer's files. */
export interface LayerRecord extends SnapshotUsage {
  /** Whether the layer says something of the root directory itself. */
  readonly root: boolean
}

export function readLayerRecord(directory: string): LayerRecord {
  const value = parseJson(readFileSync(`${directory}/layer.json`, 'utf8'), 'layer record') as Partial<LayerRecord>
  return { bytes: Number(value.bytes), entries: Number(value.entries), root: value.root === true }
}

export function writeLayerRecord(directory: string, { bytes, entries, root }: LayerRecord): void {
  writeFileSync(`${directory}/layer.json`, JSON.stringify({ bytes, entries, root }))
}

/** Mode and owner of a root directory. Its times never count as a change: every new entry in `/` moves them. */
export interface RootAttributes {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

export function readRoot(directory: string): RootAttributes {
  const { mode, uid, gid } = statSync(directory)
  return { mode: mode & 0o7777, uid, gid }
}

export function sameRoot(a: RootAttributes, b: RootAttributes): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid
}

/** What an active snapshot was started on. */
export interface ChainRecord {
  readonly layers: readonly SnapshotName[]
  readonly root: RootAttributes
}

export function readChainRecord(directory: string): ChainRecord {
  return parseJson(readFileSync(`${directory}/chain`, 'utf8'), 'chain record') as unknown as ChainRecord
}

export function writeChainRecord(directory: string, chain: ChainRecord): void {
  writeFileSync(`${directory}/chain`, JSON.stringify(chain))
}
