import { createNativeSnapshotter, createOverlaySnapshotter } from '@tsbuild/snapshotter'
import { hasCode, type SnapshotKey, type SnapshotName } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const key = 'rw' as SnapshotKey
const base = 'base' as SnapshotName
const kinds = { overlay: createOverlaySnapshotter, native: createNativeSnapshotter }

tests('active snapshots', (test) => {
  for (const [kind, create] of Object.entries(kinds)) {
    test(`activeMount() of ${kind} snapshots gives a mount again, to whoever has the session`, async () => {
      await using dir = await tempDir()
      const session = 'container0'
      await using one = create({ directory: dir.path, session })
      await one.prepare('k' as SnapshotKey, [])
      await one.commit(base, 'k' as SnapshotKey)
      const mount = await one.prepare(key, [base])
      await using two = create({ directory: dir.path, session })
      assert.equal(two.activeMount(key), mount)
      await using other = create({ directory: dir.path, session: 'another00' })
      const isMissing = (error: unknown) => hasCode(error, 'SNAPSHOT_NOT_FOUND')
      assert.throws(() => other.activeMount(key), isMissing)
      await two.remove(base)
      assert.throws(() => one.activeMount(key), isMissing)
      await two.remove(key)
      assert.throws(() => one.activeMount(key), isMissing)
    })
  }
})
