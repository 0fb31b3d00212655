import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import type { Ignore } from '@tsbuild/parser'
import { CoreError } from '../errors.js'
import { type BinaryPath, fsPath, joinPath, toText } from './binary-path.js'
import { isDirectory } from './file-types.js'

/** The members of lstat's answer that count here. */
export type FileStats = Pick<
  BigIntStats,
  'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs' | 'mode' | 'uid' | 'gid' | 'nlink' | 'rdev'
>

/** What is known of a path, as lstat says. `mode` is a number, since it is asked for most. */
export interface FileStat {
  readonly mode: number
  readonly stats: FileStats
}

/** A directory tree as COPY sees it: what `.dockerignore` leaves out is not there. All calls are synchronous and see what is on the disk now.
 * Paths lead where their links lead, as for any program: see `resolvePath` for staying inside. */
export class SourceTree {
  private readonly prefix: BinaryPath
  private readonly ignore: Ignore | undefined
  private readonly kept = new Map<BinaryPath, boolean>()

  /** @param root the directory; '' for the root of this thread */
  constructor(root: BinaryPath, ignore?: Ignore) {
    this.prefix = root === '/' ? '' : root
    this.ignore = ignore
  }

  /** The path for `node:fs`. */
  at(path: BinaryPath): string | Buffer {
    return fsPath(`${this.prefix}/${path}`)
  }

  /** The whole path, one character per byte. */
  absolute(path: BinaryPath): BinaryPath {
    return path === '' ? this.prefix || '/' : `${this.prefix}/${path}`
  }

  /** `undefined` where there is nothing, or nothing that may be seen. */
  lstat(path: BinaryPath): FileStat | undefined {
    const stat = this.rawStat(path)
    return stat !== undefined && this.isVisible(path, stat.mode) ? stat : undefined
  }

  /** Names in a directory, in the order of their bytes; also those that may not be seen.
   * @throws {CoreError} `CONTEXT_UNREADABLE` */
  names(directory: BinaryPath): BinaryPath[] {
    try {
      return readdirSync(this.at(directory), 'latin1').sort()
    } catch (error) {
      if (isGone(error)) return []
      throw unreadable(directory, error)
    }
  }

  readLink(path: BinaryPath): BinaryPath {
    try {
      return readlinkSync(this.at(path), 'latin1')
    } catch (error) {
      throw isGone(error) ? changed(path, error) : unreadable(path, error)
    }
  }

  /** Whether only `.dockerignore` keeps this path from being seen. */
  isIgnored(path: BinaryPath): boolean {
    const stat = this.rawStat(path)
    return stat !== undefined && !this.isVisible(path, stat.mode)
  }

  private rawStat(path: BinaryPath): FileStat | undefined {
    try {
      const stats = lstatSync(this.at(path), { bigint: true, throwIfNoEntry: false })
      return stats && { mode: Number(stats.mode), stats }
    } catch (error) {
      if (isGone(error)) return undefined
      throw unreadable(path, error)
    }
  }

  private isVisible(path: BinaryPath, mode: number): boolean {
    if (this.ignore === undefined || path === '') return true
    const text = toText(path)
    if (!this.ignore.matches(text)) return true
    if (!isDirectory(mode) || this.ignore.canSkipDirectory(text)) return false
    let kept = this.kept.get(path)
    if (kept === undefined) {
      kept = this.names(path).some((name) => this.lstat(joinPath(path, name)) !== undefined)
      this.kept.set(path, kept)
    }
    return kept
  }
}

/** Whether an error says that a path leads nowhere (any more). */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return code === 'ENOENT' || code === 'ENOTDIR'
}

export function unreadable(path: BinaryPath, cause: unknown): CoreError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  return new CoreError('CONTEXT_UNREADABLE', `Cannot read "/${toText(path)}": ${code}`, {
    cause,
    ...(code === 'EACCES' ? { hint: 'Change its permissions, or exclude it in .dockerignore' } : {}),
  })
}

export function changed(path: BinaryPath, cause?: unknown): CoreError {
  return new CoreError('CONTEXT_CHANGED', `Cannot copy "/${toText(path)}": it changed while it was read`, {
    cause,
    hint: 'Leave the context alone while it is built',
  })
}
