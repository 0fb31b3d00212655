import { readFileSync, realpathSync } from 'node:fs'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasErrno, MNT_DETACH, openHost, parseMountInfo } from '@tsbuild/host'
import type { OverlayMount } from '@tsbuild/spec'
import { mountOnHost } from '../container-mount.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { withContainerLock } from './container-locks.js'
import { containerPaths } from './container-paths.js'
import { containerMount } from './container-snapshot.js'
import { endLeftovers } from './life.js'
import type { ContainerRecord } from './record.js'

type Parts = Pick<EngineParts, 'root'>

/** Where the container's file system is mounted on the host, if it is. The kernel knows, also after a reboot. */
export function mountedAt({ root }: Parts, id: string): string | undefined {
  const path = mergedPath(root, id)
  return path !== undefined && mountsAt(path).length > 0 ? path : undefined
}

/** Shows the file system of a container that does not run on the host; see `Container.mount`. `load` gives the settled record. */
export async function mountContainer(
  parts: EngineParts,
  id: string,
  load: () => Promise<ContainerRecord>,
): Promise<string> {
  return await withContainerLock(parts, id, {}, async () => {
    const { name, state } = await load()
    if (state.status === 'running')
      throw new CoreError('CONTAINER_RUNNING', `Cannot mount container "${name}": it is running`, {
        hint: 'Reach its files by cp or exec, or stop it before',
      })
    const known = mountedAt(parts, id)
    if (known !== undefined) return known
    await endLeftovers(parts, id)
    const mount = await containerMount(parts, id, { durable: true })
    if (mount.kind === 'bind') return mount.source
    const target = join(containerPaths(parts.root, id).directory, 'merged')
    await mkdir(target, { recursive: true, mode: 0o700 })
    await mountApart(mount, realpathSync(target), parts.options.workerDir)
    return realpathSync(target)
  })
}

/** Processes that have a container's upper directory mounted, by the name in its overlay's options, are ended as leftovers of the container.
 * One that the host has mounted is in every mount namespace, so it goes by another name. */
async function mountApart(mount: OverlayMount, target: string, workerDir: string | undefined): Promise<void> {
  const renamed = {
    ...mount,
    ...(mount.upper === undefined ? {} : { upper: `./${mount.upper}` }),
    ...(mount.work === undefined ? {} : { work: `./${mount.work}` }),
  }
  await mountOnHost(renamed, target, workerDir)
  const own = `upperdir=${join(mount.base, mount.upper ?? '')}`
  if (!mountsAt(target).some(({ superOptions }) => superOptions.split(',').includes(own))) return
  openHost().umount2(target, MNT_DETACH)
  throw new CoreError('UNSUPPORTED', 'Cannot mount the container: this kernel shows its directories by other names')
}

/** Resolves with whether it was mounted. Its lock is held where `force` is wanted, which also unmounts what is in use.
 * @throws {CoreError} `CONTAINER_MOUNTED` */
export async function unmountContainer(
  parts: Parts,
  id: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<boolean> {
  const path = mountedAt(parts, id)
  if (path === undefined) return false
  try {
    openHost().umount2(path, force ? MNT_DETACH : 0)
  } catch (cause) {
    if (!hasErrno(cause, 'EBUSY')) throw cause
    throw new CoreError('CONTAINER_MOUNTED', `Cannot unmount container "${id.slice(0, 12)}": somebody uses it`, {
      cause,
    })
  }
  await rmdir(path).catch(() => {})
  return true
}

/** Two mounts with one upper directory would spoil it. @throws {CoreError} `CONTAINER_MOUNTED` */
export function checkNotMounted(parts: Parts, { id, name }: Pick<ContainerRecord, 'id' | 'name'>): void {
  if (mountedAt(parts, id) === undefined) return
  throw new CoreError('CONTAINER_MOUNTED', `Cannot run container "${name}": it is mounted on the host`, {
    hint: 'Unmount it before',
  })
}

function mergedPath(root: string, id: string): string | undefined {
  try {
    return realpathSync(join(containerPaths(root, id).directory, 'merged'))
  } catch {
    return undefined
  }
}

function mountsAt(path: string) {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter(({ mountPoint }) => mountPoint === path)
}
