import { type CallOptions, hasCode, type SnapshotName } from '@tsbuild/spec'
import type { OnCheckProgress, Problem } from '@tsbuild/store'
import type { EngineParts } from '../engine-parts.js'
import { layerFromValue } from '../ops/layers.js'

/** Derives the tar of every layer again and compares its digest with the one on record. A layer that came as a tar of somebody else's is
 * only read through: its files don't tell what that tar was. */
export async function* checkDeep(
  { store, snapshotter, tables }: EngineParts,
  { onProgress, ...call }: CallOptions & { readonly onProgress: OnCheckProgress },
): AsyncGenerator<Problem> {
  const built = new Set<SnapshotName | undefined>()
  for await (const { value } of store.records()) built.add(layerFromValue(value))
  const layers = [...tables.list()]
  for (const [index, { name, record }] of layers.entries()) {
    const { diffId } = record
    if (!snapshotter.has(name)) continue
    const state = await snapshotter.derive(name, call).then(
      (info) => {
        const own = diffId !== undefined && (built.has(name) || tables.blobs(diffId).length === 0)
        return own && info.diffId !== diffId ? `its tar is ${info.diffId}, and was ${diffId}` : undefined
      },
      (error: unknown) => {
        call.signal?.throwIfAborted()
        return hasCode(error, 'SNAPSHOT_NOT_FOUND') ? undefined : `it cannot be read: ${(error as Error).message}`
      },
    )
    onProgress('layers', index + 1, layers.length)
    if (state === undefined) continue
    yield {
      kind: 'snapshotChanged',
      severity: 'error',
      subject: name,
      state,
      repair: 'remove it, so that it is made again',
      async mend() {
        await tables.remove(name)
        await snapshotter.remove(name)
        return true
      },
    }
  }
}
