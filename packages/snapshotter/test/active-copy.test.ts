import { lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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
