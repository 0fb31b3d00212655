import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './repo.mjs'

/** SHA-256 over the content of files (paths relative to the root; a missing one counts as such).
 * @param {readonly string[]} paths */
export function contentStamp(paths) {
  const hash = createHash('sha256')
  for (const path of paths) {
    const full = join(root, path)
    hash
      .update(`${path}\0`)
      .update(existsSync(full) ? readFileSync(full) : 'missing')
      .update('\0')
  }
  return hash.digest('hex')
}

/** SHA-256 over names, sizes and times: far cheaper than content, and wrong only in the harmless direction.
 * @param {readonly string[]} paths */
export function statStamp(paths) {
  const hash = createHash('sha256')
  for (const path of paths) {
    const info = statSync(join(root, path), { throwIfNoEntry: false })
    hash.update(`${path}\0${info === undefined ? 'missing' : `${info.size} ${info.mtimeMs}`}\0`)
  }
  return hash.digest('hex')
}

/** @param {string} file */
export function readStamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** @param {string} file @param {string} stamp */
export function writeStamp(file, stamp) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stamp)
}
