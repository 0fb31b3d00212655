import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openEngine } from '@tsbuild/core'
import { openSessionLocks } from '@tsbuild/host'
import { digestOf, type SnapshotName } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'

/** Makes a root folder with so many cache records and layers. */
export async function fillRoot(root: string, records: number, snapshots: number): Promise<void> {
  await (await openEngine({ root, snapshotter: 'native' }))[Symbol.asyncDispose]()
  await using sessions = openSessionLocks(join(root, 'locks'))
  await using store = await openStore(root, { sessions, syncFileSystem: async () => {} })
  const layer = (n: number) => `s${n % snapshots}` as SnapshotName
  for (let n = 0; n < snapshots; n++) {
    const directory = join(root, 'snapshots', layer(n))
    await mkdir(join(directory, 'fs'), { recursive: true })
    await writeFile(join(directory, 'layer.json'), '{"bytes":1,"entries":1,"root":false}')
  }
  const createdAt = Date.now()
  await Promise.all(
    Array.from({ length: snapshots }, (_, n) => store.layers.set(layer(n), { bytes: 1, entries: 1, createdAt })),
  )
  for (let start = 0; start < records; start += 1000) {
    await Promise.all(
      Array.from({ length: 1000 }, (_, index) => {
        const n = start + index
        return store.cache.save({
          key: digestOf(`key ${n}`),
          step: `project ${n % 100} step`,
          kind: 'exec',
          inputs: [{ name: 'command', value: ['sh', '-c', `make target-${n}`] }],
          madeOn: [layer(n + 1)],
          resultId: `r${n}`,
          value: { layer: layer(n) },
          createdAt,
          durationMs: 1,
          sizeBytes: 1,
        })
      }),
    )
  }
}

/** How long an engine takes to open there. */
export async function openMs(root: string): Promise<number> {
  const start = performance.now()
  const engine = await openEngine({ root, snapshotter: 'native' })
  const ms = performance.now() - start
  await engine[Symbol.asyncDispose]()
  return ms
}
