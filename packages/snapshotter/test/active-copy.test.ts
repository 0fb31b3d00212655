import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createNativeSnapshotter, createOverlaySnapshotter, type DirectorySnapshotter } from '@tsbuild/snapshotter'
import { hasCode, type Mount, type SnapshotKey, type SnapshotName } from '@tsbuild/spec'
import { inMount, listTar, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const session = 'container0'
const key = 'rw' as SnapshotKey
const base = 'base' as SnapshotName
const copy = 'copy' as SnapshotName
const kinds = { overlay: createOverlaySnapshotter, native: createNativeSnapshotter }
const skip = process.getuid?.() === 0 ? undefined : 'needs root'

/** An active snapshot on a layer with `/keep`, `/gone`, `/dir/old` and `/sock`. */
async function prepared(snapshots: DirectorySnapshotter): Promise<Mount> {
  const mount = await snapshots.prepare('first' as SnapshotKey, [])
  await inMount(mount, 'mkdir dir etc; for f in keep gone dir/old sock; do echo $f > $f; done')
  await snapshots.commit(base, 'first' as SnapshotKey)
  return await snapshots.prepare(key, [base])
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const changes = [
  'echo more >> keep; rm gone; rm -r dir; mkdir dir; echo new > dir/new; ln dir/new twin',
  // what a runtime leaves to mount on; one of them was filled by a process
  'touch etc/hosts; mkdir -p mnt/point filled; echo own > filled/own',
].join('\n')
const mountPoints = ['/etc/hosts', '/mnt', '/mnt/point', '/filled']

// Swaps, at three names of a tree: a file and a link to one outside, a file and a fifo, a directory and a link to one outside.
const swapper = `
const { linkSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } = require('node:fs')
const { execFileSync } = require('node:child_process')
const { parentPort, workerData: { tree, outside, parts, stop } } = require('node:worker_threads')
const stopped = new Int32Array(stop)
mkdirSync(parts)
execFileSync('mkfifo', [parts + '/fifo'])
writeFileSync(parts + '/file', 'own')
writeFileSync(parts + '/other', 'own')
symlinkSync(outside + '/secret', parts + '/link')
symlinkSync(outside, parts + '/directory-link')
mkdirSync(tree + '/directory')
writeFileSync(tree + '/directory/inside', 'own')
const put = (part, name) => {
  linkSync(parts + '/' + part, parts + '/next')
  renameSync(parts + '/next', tree + '/' + name)
}
for (let round = 0; Atomics.load(stopped, 0) === 0; round++) {
  put('file', 'file')
  put('link', 'file')
  put('other', 'pipe')
  put('fifo', 'pipe')
  renameSync(tree + '/directory', parts + '/kept')
  put('directory-link', 'directory')
  unlinkSync(tree + '/directory')
  renameSync(parts + '/kept', tree + '/directory')
  if (round === 0) parentPort.postMessage('swapping')
}
`

/** Swaps entries of a tree until disposed of. */
async function swapping(tree: string, outside: string, parts: string): Promise<AsyncDisposable> {
  const stop = new SharedArrayBuffer(4)
  const worker = new Worker(swapper, { eval: true, workerData: { tree, outside, parts, stop } })
  const ended = new Promise<void>((resolve, reject) => worker.once('error', reject).once('exit', () => resolve()))
  ended.catch(() => {})
  await Promise.race([new Promise((resolve) => worker.once('message', resolve)), ended])
  return {
    async [Symbol.asyncDispose]() {
      Atomics.store(new Int32Array(stop), 0, 1)
      await ended
    },
  }
}

tests('copies of active snapshots', (test) => {
  for (const [kind, create] of Object.entries(kinds)) {
    test(
      `commitCopy() of ${kind} snapshots takes what is there, and leaves the active one as it is`,
      async () => {
        await using dir = await tempDir()
        await using owner = create({ directory: dir.path, session })
        const mount = await prepared(owner)
        await inMount(mount, changes)
        await using other = create({ directory: dir.path, session: 'another00' })
        const usage = await other.commitCopy(copy, { session, key, mountPoints })
        const names = listTar(await bytesOf(other.pack(copy))).map(({ name }) => name)
        assert.equal(names.sort(), [
          '.wh.gone',
          'dir/',
          'dir/.wh.old',
          'dir/new',
          'filled/',
          'filled/own',
          'keep',
          'twin',
        ])
        assert.is(usage.entries, names.length)
        await inMount(mount, 'echo later >> twin; echo later >> keep')
        const target = join(dir.path, 'target')
        mkdirSync(target)
        await other.copyChain([base, copy], target)
        assert.is(readFileSync(join(target, 'keep'), 'utf8'), 'keep\nmore\n')
        assert.is(readFileSync(join(target, 'twin'), 'utf8'), 'new\n')
        assert.is(lstatSync(join(target, 'twin')).nlink, 2)
        await owner.commit('last' as SnapshotName, key)
        const again = other.commitCopy('none' as SnapshotName, { session, key })
        await again.then(
          () => assert.unreachable(),
          (error: unknown) => assert.ok(hasCode(error, 'SNAPSHOT_NOT_FOUND')),
        )
      },
      { skip },
    )

    test(
      `commitCopy() and changes() of ${kind} snapshots follow no link that is put in the place of something else`,
      async () => {
        await using dir = await tempDir()
        const outside = join(dir.path, 'outside')
        mkdirSync(outside)
        for (const name of ['secret', 'inside']) writeFileSync(join(outside, name), 'of the host')
        await using snapshots = create({ directory: join(dir.path, 'snapshots'), session })
        await prepared(snapshots)
        const tree = join(dir.path, 'snapshots', '_active', session, key, 'fs')
        await using _swapper = await swapping(tree, outside, join(dir.path, 'parts'))
        for (let round = 0; round < 20; round++) {
          const name = `copy${round}` as SnapshotName
          await snapshots.commitCopy(name, { session, key })
          const packed = await bytesOf(snapshots.pack(name))
          assert.not(packed.includes('of the host'))
          const names = listTar(packed).map((entry) => entry.name)
          assert.not(names.some((found) => found.endsWith('secret')))
          const changed = await snapshots.changes({ session, key })
          assert.not(changed.some(({ path }) => path.endsWith('secret')))
        }
      },
      { skip },
    )

    test(
      `changes() of ${kind} snapshots lists them in order, without mount points`,
      async () => {
        await using dir = await tempDir()
        await using snapshots = create({ directory: dir.path, session })
        const mount = await prepared(snapshots)
        assert.equal(await snapshots.changes({ session, key }), [])
        await inMount(mount, changes)
        const found = await snapshots.changes({ session, key, mountPoints })
        assert.equal(
          found.map(({ kind: what, path }) => `${what} ${path}`),
          [
            'changed /dir',
            'added /dir/new',
            'deleted /dir/old',
            'added /filled',
            'added /filled/own',
            'deleted /gone',
            'changed /keep',
            'added /twin',
          ].sort((a, b) => ((a.split(' ')[1] ?? '') < (b.split(' ')[1] ?? '') ? -1 : 1)),
        )
      },
      { skip },
    )
  }
})
