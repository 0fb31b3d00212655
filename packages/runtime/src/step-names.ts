import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasErrno, MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID, openHost } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { bindFile, mountText, type StepRoot } from './step-binds.js'

/** BuildKit's, so that programs that write it down write the same. */
export const defaultHostname = 'buildkitsandbox'

/** Shows the files that tell names: a step cannot write them. A container can, so they are its own, in a small file system that goes
 * with it.
 * @throws {RuntimeError} `MOUNT_UNUSABLE` */
export function mountNames(root: StepRoot, spec: ProcessSpec): void {
  const files = { '/etc/resolv.conf': resolverConfig(spec), '/etc/hosts': hostsFile(spec) }
  if (!spec.container) {
    for (const [target, text] of Object.entries(files)) mountText(root, target, text)
    return
  }
  const host = openHost()
  const place = root.home.sourcePlace
  host.mount('tmpfs', place, 'tmpfs', MS_NOSUID | MS_NODEV | MS_NOEXEC, 'mode=755,size=1m')
  try {
    const all = { ...files, '/etc/hostname': `${spec.hostname ?? defaultHostname}\n` }
    for (const [index, [target, text]] of Object.entries(all).entries()) {
      const path = join(place, String(index))
      writeFileSync(path, text, { mode: 0o644 })
      bindFile(root, path, target, false)
    }
  } finally {
    host.umount2(place, MNT_DETACH)
  }
}

function resolverConfig({ resolvConf }: ProcessSpec): string {
  if (resolvConf !== undefined) return resolvConf
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return ''
    throw error
  }
}

function hostsFile({ hostname = defaultHostname, extraHosts = [] }: ProcessSpec): string {
  const lines = [`127.0.0.1\tlocalhost ${hostname}`, '::1\tlocalhost ip6-localhost ip6-loopback']
  return [...lines, ...extraHosts.map(([name, address]) => `${address}\t${name}`), ''].join('\n')
}
