import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DirectorySnapshotter } from '@tsbuild/snapshotter'
import type { Mount, SnapshotKey } from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'

/** Key of a container's writable snapshot, in the session of that container. */
export const containerKey = 'rw' as SnapshotKey

/** Session under which a container's snapshot lies. It belongs to no process: the sweep leaves it alone while the container has a
 * row. */
export function containerSession(id: string): string {
  return id.slice(0, 24)
}

/** A snapshotter whose active snapshots are those of one container. */
export function containerSnapshotter(
  { openSnapshotter }: Pick<EngineParts, 'openSnapshotter'>,
  id: string,
): DirectorySnapshotter {
  return openSnapshotter(containerSession(id))
}

/** How to mount a container's file system. Nobody else may have it mounted.
 * @param durable whether what its processes sync is to survive a power cut: unmounting then waits for the disk
 * @throws {SnapshotError} `SNAPSHOT_NOT_FOUND` */
export async function containerMount(
  parts: Pick<EngineParts, 'openSnapshotter'>,
  id: string,
  { durable }: { readonly durable: boolean },
): Promise<Mount> {
  await using snapshotter = containerSnapshotter(parts, id)
  const mount = snapshotter.activeMount(containerKey)
  if (mount.kind === 'bind' || !durable) return mount
  const { volatile: _, ...rest } = mount
  return rest
}

/** Takes a container's snapshot away; nothing happens where there is none. */
export async function removeContainerSnapshot(
  parts: Pick<EngineParts, 'openSnapshotter' | 'root'>,
  id: string,
): Promise<void> {
  await using snapshotter = containerSnapshotter(parts, id)
  await snapshotter.remove(containerKey)
  await rmdir(containerSnapshotDirectory(parts.root, id)).catch(() => {})
}

/** The folder that the container's active snapshot lies in. */
function containerSnapshotDirectory(root: string, id: string): string {
  return join(root, 'snapshots', '_active', containerSession(id))
}

/** The directory of the host that a container's files are in (with overlay, those that it changed), by which the processes are found
 * that have it mounted.
 * @throws {SnapshotError} `SNAPSHOT_NOT_FOUND` */
export async function containerFiles(parts: Pick<EngineParts, 'openSnapshotter'>, id: string): Promise<string> {
  const mount = await containerMount(parts, id, { durable: false })
  if (mount.kind === 'bind') return mount.source
  return mount.upper === undefined ? mount.base : join(mount.base, mount.upper)
}
