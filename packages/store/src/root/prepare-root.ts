import { closeSync, existsSync, openSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { initialIndex, layoutFile } from '../content/layout.js'
import { errnoOf, messageOf, StoreError, storeError } from '../errors.js'
import { checkFormat, writeFormat } from './format.js'
import { makeDirectory } from './make-directory.js'
import type { RootPaths } from './root-paths.js'
import { writeAsideSync } from './write-aside.js'

/** Bytes that must be free before the database is first opened: it touches its new lock file through a memory map,
 * and a map that finds no space ends the process. */
const spaceForNewDatabase = 1 << 20

/** Makes what is missing in a root folder; a handful of system calls whatever is in there. Only its owner can look into it, since
 * images may hold secrets.
 * @throws {StoreError} `ROOT_UNUSABLE`, `ROOT_READ_ONLY`, `STORE_FULL`, `FORMAT_TOO_NEW` */
export function prepareRoot(paths: RootPaths): void {
  const { root } = paths
  try {
    checkDirectory(root)
    const format = checkFormat(paths.format)
    makeDirectory(root, 0o710)
    for (const directory of [paths.content, paths.blobs, paths.ingest]) {
      makeDirectory(directory, 0o700)
    }
    writeIfMissing(join(paths.content, 'oci-layout'), layoutFile)
    writeIfMissing(join(paths.content, 'index.json'), initialIndex)
    if (format === undefined) writeFormat(paths.format)
    prepareDatabase(paths)
  } catch (error) {
    throw rootError(error, root)
  }
}

/** @returns whether there is a store to read at all */
export function findRoot(paths: RootPaths): boolean {
  try {
    checkDirectory(paths.root)
    return checkFormat(paths.format) !== undefined && existsSync(paths.metadata)
  } catch (error) {
    throw rootError(error, paths.root)
  }
}

function checkDirectory(root: string): void {
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new StoreError('ROOT_UNUSABLE', `Cannot open root folder "${root}": a file is in the way`, {
      hint: 'Choose another root folder with --root or TSBUILD_ROOT',
    })
  }
}

function writeIfMissing(path: string, text: string): void {
  if (!existsSync(path)) writeAsideSync(path, text)
}

/** The files are made here, since the database would make them readable for everyone. */
function prepareDatabase({ root, metadata }: RootPaths): void {
  const lock = `${metadata}-lock`
  if (existsSync(lock)) return
  const { bavail, bsize } = statfsSync(root)
  if (bavail * bsize < spaceForNewDatabase) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  for (const path of [metadata, lock]) closeSync(openSync(path, 'a', 0o600))
}

function rootError(error: unknown, root: string): Error {
  switch (errnoOf(error)) {
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ELOOP':
    case 'ENAMETOOLONG':
      return new StoreError('ROOT_UNUSABLE', `Cannot open root folder "${root}": ${messageOf(error)}`, {
        cause: error,
        hint: 'Choose another root folder with --root or TSBUILD_ROOT',
      })
    default:
      return storeError(error, `open root folder "${root}"`)
  }
}
