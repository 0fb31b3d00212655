import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { createOverlaySnapshotter } from '@tsbuild/snapshotter'
import type { SnapshotKey, SnapshotName, Snapshotter } from '@tsbuild/spec'
import { findProgram, inMount, tempDir, tests } from '@tsbuild/testkit'
import { extract } from 'tar-stream'
import * as assert from 'uvu/assert'

const script = `mkdir -p d/${'e'.repeat(120)} "$(printf 'm\\303\\251')"; echo x > d/${'e'.repeat(120)}/f; ln d/${'e'.repeat(120)}/f hard; ln -s d soft
  echo 1 > gone; printf '\\377' > "$(printf 'b\\377')"; chown 3000000:1 d; chmod 2755 d; mkfifo p; mknod c c 1 3; touch -hd @-5 gone
  setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 hard; touch -hd @1000 d hard soft p c`
const show = `find . -mindepth 1 -printf "%p %y %m %U %G %T@ %l\\n" | LC_ALL=C sort; getfattr -e hex -n security.capability hard; test hard -ef d/*/f && echo linked || true`
const root = process.getuid?.() === 0 ? undefined : 'needs root'

async function make(snapshotter: Snapshotter): Promise<string> {
  const name = 'l1' as SnapshotName
  const mount = await snapshotter.prepare('k1' as SnapshotKey, [])
  const shown = await inMount(mount, `${script}; find . -mindepth 1 -exec touch -hd @1000 {} +; ${show}`)
  await snapshotter.commit(name, 'k1' as SnapshotKey)
  return shown
}

async function pack(snapshotter: Snapshotter, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of snapshotter.pack(name as SnapshotName)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

tests('foreign readers', (test) => {
  test(
    'pack() gives what GNU tar unpacks to the same files',
    async () => {
      await using directory = await tempDir()
      await using snapshotter = createOverlaySnapshotter({ directory: `${directory.path}/s`, threads: 1 })
      const shown = await make(snapshotter)
      mkdirSync(`${directory.path}/out`)
      const options = ['-x', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-p', '-C', `${directory.path}/out`]
      execFileSync('tar', options, { input: await pack(snapshotter, 'l1') })
      assert.is(await inMount({ kind: 'bind', source: `${directory.path}/out`, readonly: true }, show), shown)
    },
    { skip: root },
  )

  test(
    'pack() gives what tar-stream reads',
    async () => {
      await using directory = await tempDir()
      await using snapshotter = createOverlaySnapshotter({ directory: `${directory.path}/s`, threads: 1 })
      await make(snapshotter)
      const reader = extract()
      Readable.from([await pack(snapshotter, 'l1')]).pipe(reader)
      const found: string[] = []
      for await (const entry of reader) {
        found.push(`${entry.header.type} ${entry.header.name.length}`)
        entry.resume()
      }
      const long = 'd/'.length + 120
      const types = [
        'file 2',
        'character-device 1',
        'directory 2',
        `directory ${long + 1}`,
        `file ${long + 2}`,
        'file 4',
        'link 4',
      ]
      assert.equal(found, [...types, 'directory 3', 'fifo 1', 'symlink 4'])
    },
    { skip: root },
  )

  test(
    'pack() gives layers that umoci unpacks, whiteouts included',
    async () => {
      await using directory = await tempDir()
      await using snapshotter = createOverlaySnapshotter({ directory: `${directory.path}/s`, threads: 1 })
      await make(snapshotter)
      const mount = await snapshotter.prepare('k2' as SnapshotKey, ['l1' as SnapshotName])
      const shown = await inMount(mount, `rm gone; rm -r d; mkdir d; echo 2 > d/two; touch -hd @1000 d/two d; ${show}`)
      await snapshotter.commit('l2' as SnapshotName, 'k2' as SnapshotKey)
      writeImage(`${directory.path}/image`, [await pack(snapshotter, 'l1'), await pack(snapshotter, 'l2')])
      execFileSync('umoci', ['unpack', '--image', `${directory.path}/image:latest`, `${directory.path}/bundle`])
      const unpacked = await inMount({ kind: 'bind', source: `${directory.path}/bundle/rootfs`, readonly: true }, show)
      assert.is(unpacked, shown)
    },
    { skip: root ?? (findProgram('umoci') ? undefined : 'umoci is not installed') },
  )
})

function writeImage(directory: string, layers: readonly Buffer[]): void {
  mkdirSync(`${directory}/blobs/sha256`, { recursive: true })
  const blob = (mediaType: string, data: Buffer) => {
    const hex = createHash('sha256').update(data).digest('hex')
    writeFileSync(`${directory}/blobs/sha256/${hex}`, data)
    return { mediaType, digest: `sha256:${hex}`, size: data.length }
  }
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  const descriptors = layers.map((data) => blob('application/vnd.oci.image.layer.v1.tar', data))
  const rootfs = { type: 'layers', diff_ids: descriptors.map((descriptor) => descriptor.digest) }
  const config = blob(
    'application/vnd.oci.image.config.v1+json',
    json({ architecture: 'amd64', os: 'linux', config: {}, rootfs }),
  )
  const manifest = blob(
    'application/vnd.oci.image.manifest.v1+json',
    json({ schemaVersion: 2, config, layers: descriptors }),
  )
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' }
  writeFileSync(`${directory}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}')
  writeFileSync(`${directory}/index.json`, json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }))
}
