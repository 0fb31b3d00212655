import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs'
import { openHost } from '@tsbuild/host'
import { CoreError } from '../errors.js'
import { type BinaryPath, fsPath } from './binary-path.js'
import type { LinkTree } from './resolve-path.js'
import { isGone } from './source-tree.js'
import type { Owner } from './users.js'

/** The tree that is written to: the root of this thread, so that no link in it leads outside. */
export const target: LinkTree & { stats(path: BinaryPath): BigIntStats | undefined } = {
  lstat(path) {
    const stats = target.stats(path)
    return stats && { mode: Number(stats.mode) }
  },
  stats(path) {
    try {
      return lstatSync(at(path), { bigint: true, throwIfNoEntry: false })
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  },
  readLink: (path) => readlinkSync(at(path), 'latin1'),
}

/** The path for `node:fs`. */
export function at(path: BinaryPath): string | Buffer {
  return fsPath(`/${path}`)
}

/** @param mtimeNs nanoseconds since the epoch; the time of access is left alone */
export function setTime(path: BinaryPath, mtimeNs: bigint): void {
  openHost().utimens(at(path), undefined, mtimeNs)
}

export function setOwner(path: BinaryPath, { uid, gid }: Owner): void {
  openHost().lchown(at(path), uid, gid)
}

export function seconds(value: number): bigint {
  return BigInt(Math.round(value * 1e6)) * 1000n
}

export function inTheWay(message: string): CoreError {
  return new CoreError('COPY_INVALID', `Cannot copy: ${message}`)
}
