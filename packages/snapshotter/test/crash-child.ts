import { createNativeSnapshotter, createOverlaySnapshotter } from '@tsbuild/snapshotter'
import type { SnapshotKey, SnapshotName } from '@tsbuild/spec'

/** Commits over and over until it is killed; says the name before each commit and after it. */
const [kind, directory = '', session = ''] = process.argv.slice(2)
const create = kind === 'overlay' ? createOverlaySnapshotter : createNativeSnapshotter
const snapshotter = create({ directory, session, threads: 1 })
const base = ['base' as SnapshotName]
for (let i = 0; ; i++) {
  const key = `key${i}` as SnapshotKey
  const mount = await snapshotter.prepare(key, base)
  const upper = mount.kind === 'bind' ? mount.source : `${mount.base}/${mount.upper}`
  const { mkdirSync, writeFileSync } = await import('node:fs')
  mkdirSync(`${upper}/new`)
  for (let j = 0; j < 50; j++) writeFileSync(`${upper}/new/${j}`, `${i} ${j}`)
  process.stdout.write(`start ${i}\n`)
  await snapshotter.commit(`l${i}` as SnapshotName, key)
  process.stdout.write(`done ${i}\n`)
}
