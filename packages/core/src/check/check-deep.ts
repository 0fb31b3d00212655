import { type CallOptions, type DiffID, hasCode, type SnapshotName } from '@tsbuild/spec'
import type { OnCheckProgress, Problem } from '@tsbuild/store'
import type { EngineParts } from '../engine-parts.js'
import { layerFromValue } from '../ops/layers.js'
import { checkedSnapshots } from './checked-snapshots.js'

/** Derives the tar of every layer again and compares its digest with the one on record. A layer that came as a tar of somebody else's is
 * only read through: its files don't tell what that tar was.
 * @throws what says nothing about the layer, e.g. `EMFILE` or `WORKER_CRASHED` */
export async function* checkDeep(
  parts: EngineParts,
  { onProgress, ...call }: CallOptions & { readonly onProgress: OnCheckProgress },
): AsyncGenerator<Problem> {
  const { store, tables } = parts
  const { isWhole, take } = checkedSnapshots(parts)
  const built = new Set<SnapshotName | undefined>()
  for await (const { value } of store.records()) built.add(layerFromValue(value))
  const layers = [...tables.list()]
  for (const [index, { name, record }] of layers.entries()) {
    // What lacks its files or its record is found by the store's check.
    if (!isWhole(name)) continue
    const look = () => wrongOf(parts, name, record.diffId, built.has(name), call)
    const state = await look()
    onProgress('layers', index + 1, layers.length)
    if (state === undefined) continue
    yield {
      kind: 'snapshotChanged',
      severity: 'error',
      subject: name,
      state,
      repair: 'remove it, so that it is made again, unless a build or a container uses it',
      mend: async () => isWhole(name) && (await look()) !== undefined && (await store.takeLayer(name, take)),
    }
  }
}

async function wrongOf(
  { snapshotter, tables }: EngineParts,
  name: SnapshotName,
  diffId: DiffID | undefined,
  isBuilt: boolean,
  call: CallOptions,
): Promise<string | undefined> {
  try {
    const info = await snapshotter.derive(name, call)
    const own = diffId !== undefined && (isBuilt || tables.blobs(diffId).length === 0)
    return own && info.diffId !== diffId ? `its tar is ${info.diffId}, and was ${diffId}` : undefined
  } catch (error) {
    call.signal?.throwIfAborted()
    // It went meanwhile.
    if (!snapshotter.has(name)) return undefined
    if (!isOfFiles(error)) throw error
    return `it cannot be read: ${error.message}`
  }
}

/** Whether a failure says that the layer's files are wrong. */
function isOfFiles(error: unknown): error is Error {
  if (hasCode(error, 'SNAPSHOT_CHANGED') || hasCode(error, 'LAYER_INVALID')) return true
  return error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}
