import type { ByteStream, CallOptions } from '@tsbuild/spec'
import type { ContainerChange } from '../api/container-files.js'
import type { EngineParts } from '../engine-parts.js'
import { newSnapshotName } from '../ops/names.js'
import type { ContainerRecord } from './record.js'
import { containerFilesOf, withStillFiles } from './still-files.js'

/** What a container has changed, in the order of the paths' bytes. */
export async function containerChanges(
  parts: EngineParts,
  record: ContainerRecord,
  call: CallOptions,
): Promise<ContainerChange[]> {
  return await parts.snapshotter.changes(containerFilesOf(record), call)
}

/** The whole file system of a container as a tar. Its own layer is copied first, so that the container need not stand still for as long
 * as somebody reads. */
export async function* exportContainer(
  parts: EngineParts,
  id: string,
  load: () => Promise<ContainerRecord>,
  call: CallOptions,
): ByteStream & AsyncGenerator<Uint8Array> {
  const { layers } = await load()
  await parts.beforeWrite()
  const layer = newSnapshotName()
  await using _lease = await parts.store.leases.acquire({ kind: 'snapshot', name: layer })
  try {
    await withStillFiles(parts, id, load, { pause: true, ...call }, (record) =>
      parts.snapshotter.commitCopy(layer, containerFilesOf(record), call),
    )
    yield* parts.snapshotter.packChain([...layers, layer], call)
  } finally {
    await parts.snapshotter.remove(layer)
  }
}
