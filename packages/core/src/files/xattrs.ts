import { createHash } from 'node:crypto'
import { openHost } from '@tsbuild/host'

export type Xattrs = readonly (readonly [name: string, value: Buffer])[]

/** Attributes that belong to the file and not to the machine: capabilities, `user.*` and `trusted.*`, without what overlay file systems
 * keep for themselves. SELinux labels and ACLs stay behind, as the layers of an image are read elsewhere. */
function isCopied(name: string): boolean {
  if (name === 'security.capability') return true
  if (name.startsWith('security.') || name.startsWith('system.')) return false
  return !/^(?:trusted|user)\.overlay\./.test(name)
}

/** The attributes of a path that COPY takes along, sorted by name. Loads the system call layer. */
export function readXattrs(path: string | Buffer): Xattrs {
  const host = openHost()
  const out: [string, Buffer][] = []
  for (const name of host.llistxattr(path)) {
    const value = isCopied(name) ? host.lgetxattr(path, name) : undefined
    if (value !== undefined) out.push([name, value])
  }
  return out
}

/** `undefined` for no attributes. */
export function digestXattrs(xattrs: Xattrs): Uint8Array | undefined {
  if (xattrs.length === 0) return undefined
  const hash = createHash('sha256')
  for (const [name, value] of xattrs) {
    hash.update(`${Buffer.byteLength(name)}:${name}${value.length}:`).update(value)
  }
  return hash.digest()
}
