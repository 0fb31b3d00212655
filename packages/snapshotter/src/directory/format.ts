import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hasErrno } from '@tsbuild/host'
import { SnapshotError } from '../errors.js'
import type { LayerFormat } from '../layers/layer.js'
import type { Layout } from './layout.js'

const version = 1

/** Makes the directory's fixed parts, or checks that they are of this kind and version.
 *  @throws {SnapshotError} `SNAPSHOT_FORMAT` */
export function openFormat(layout: Layout, format: LayerFormat): void {
  mkdirSync(layout.actives, { recursive: true, mode: 0o700 })
  mkdirSync(layout.empty, { recursive: true, mode: 0o755 })
  const expected = `${format} ${version}\n`
  try {
    writeFileSync(layout.formatFile, expected, { flag: 'wx' })
  } catch (err) {
    if (!hasErrno(err, 'EEXIST')) throw err
    checkFormat(layout, expected)
  }
}

function checkFormat(layout: Layout, expected: string): void {
  const found = readFileSync(layout.formatFile, 'utf8')
  // another process may be between creating and writing it
  if (found === expected || found === '') return
  const message = `Cannot open snapshots "${layout.base}": their format is "${found.trim().slice(0, 40)}", not "${expected.trim()}"`
  throw new SnapshotError('SNAPSHOT_FORMAT', message, { hint: 'Use another directory for the other kind of snapshots' })
}
