import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Mount, OverlayMount } from '@tsbuild/spec'
import { MS_BIND, MS_RDONLY, MS_REMOUNT } from './constants.js'
import { HostError } from './errors.js'
import { openHost } from './open-host.js'

/** Options of every overlay mount: distributions have different defaults, and layers must read the same everywhere. */
export const overlayOptions = 'redirect_dir=off,metacopy=off,index=off,xino=off'

/** The kernel takes one page of mount options. */
const maxOptionBytes = 4095

/** Mounts `mount` on `target`, or on a directory that is sure to be there (the one it is made from), in the calling thread's mount
 * namespace, and returns where. The thread must have a mount namespace and an fs struct of its own and the host's root; its current
 * directory is `base` afterwards (for an overlay).
 * @throws {HostError} `SYSCALL_FAILED`, `HOST_UNSUPPORTED` (too many or too long layer names) */
export function mountRoot(mount: Mount, target?: string): string {
  if (mount.kind === 'bind') return bindRoot(mount.source, mount.readonly, target)
  if (mount.upper === undefined && mount.lower.length === 1) {
    return bindRoot(`${mount.base}/${mount.lower[0]}`, true, target ?? mount.base)
  }
  const host = openHost()
  const options = overlayData(mount)
  const readonly = mount.upper === undefined ? MS_RDONLY : 0
  host.chdir(mount.base)
  if (mount.work !== undefined) forgetVolatile(join(mount.base, mount.work))
  host.mount('overlay', target ?? mount.base, 'overlay', readonly, options)
  return target ?? mount.base
}

/** The kernel marks the work directory of a volatile mount, so that nobody takes an upper for whole that was mounted in a crash. Who
 * mounts here knows: what is not committed is thrown away then. */
function forgetVolatile(work: string): void {
  rmSync(join(work, 'work/incompat'), { recursive: true, force: true })
}

/** The option text of an overlay mount. The upper directory is absolute, so that mountinfo names it. */
function overlayData(mount: OverlayMount): string {
  const parts = [`lowerdir=${mount.lower.map(checkedName).join(':')}`]
  if (mount.upper !== undefined && mount.work !== undefined) {
    const base = escapeOption(mount.base)
    parts.push(`upperdir=${base}/${checkedName(mount.upper)}`, `workdir=${base}/${checkedName(mount.work)}`)
  }
  parts.push(overlayOptions)
  if (mount.volatile && mount.upper !== undefined) parts.push('volatile')
  const data = parts.join(',')
  if (Buffer.byteLength(data) > maxOptionBytes) {
    throw new HostError(
      'HOST_UNSUPPORTED',
      `Cannot mount an overlay of ${mount.lower.length} layers: the option text is too long`,
    )
  }
  return data
}

function checkedName(name: string): string {
  if (!/[:,\\]/.test(name)) return name
  throw new HostError(
    'HOST_UNSUPPORTED',
    `Cannot mount the layer "${name}": its name holds a colon, comma or backslash`,
  )
}

/** overlayfs splits options at commas and takes a backslash as escape. */
export function escapeOption(path: string): string {
  return path.replace(/[\\,]/g, '\\$&')
}

function bindRoot(source: string, readonly: boolean, target?: string): string {
  const host = openHost()
  // Mounting "/" on itself would hide it from path look-ups of this very thread.
  const place = target ?? (source === '/' ? '/proc' : source)
  host.mount(source, place, null, MS_BIND)
  if (readonly) host.mount(null, place, null, MS_REMOUNT | MS_BIND | MS_RDONLY)
  return place
}
