import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { listTar } from '../../../packages/testkit/dist/index.js'

/** Reads an OCI image layout, a tar or a directory: `{ index, manifest, config, layers: [{ diffId, data }] }`. */
export function readImage(path) {
  const file = statSync(path).isDirectory() ? (name) => readFileSync(join(path, name)) : tarReader(path)
  const index = JSON.parse(file('index.json'))
  const blob = ({ digest }) => file(`blobs/${digest.replace(':', '/')}`)
  const manifest = JSON.parse(blob(index.manifests[0]))
  const config = JSON.parse(blob(manifest.config))
  const layers = (manifest.layers ?? []).map((descriptor, at) => {
    const diffId = config.rootfs.diff_ids[at]
    const data = unpacked(blob(descriptor))
    const actual = `sha256:${createHash('sha256').update(data).digest('hex')}`
    if (actual !== diffId) throw new Error(`layer ${at} has digest ${actual}, its diff id is ${diffId}`)
    return { diffId, data }
  })
  return { index, manifest, config, layers }
}

function tarReader(path) {
  const files = new Map(listTar(readFileSync(path)).map(({ name, data }) => [name, data]))
  return (name) => {
    const data = files.get(name)
    if (data === undefined) throw new Error(`the archive lacks ${name}`)
    return data
  }
}

function unpacked(data) {
  return data[0] === 0x1f && data[1] === 0x8b ? gunzipSync(data) : data
}

const types = { 0: 'file', 1: 'hardlink', 2: 'symlink', 3: 'char', 4: 'block', 5: 'dir', 6: 'fifo' }

/** A layer's entries by path. */
export function layerEntries(data) {
  const entries = new Map()
  for (const { name, type: flag, mode, uid, gid, link, data: content } of listTar(data)) {
    const type = types[flag] ?? flag
    const entry = { type, mode: (mode & 0o7777).toString(8).padStart(4, '0'), uid, gid }
    if (type === 'file') entry.sha256 = createHash('sha256').update(content).digest('hex')
    if (link !== '') entry.linkname = type === 'hardlink' ? utf8(link).replace(/^\/+/, '') : utf8(link)
    entries.set(plainPath(utf8(name)), entry)
  }
  return entries
}

/** Without what only some writers put around a path. */
export function plainPath(path) {
  return path.replace(/^\.\//, '').replace(/^\/+/, '').replace(/\/+$/, '') || '.'
}

function utf8(latin1) {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
