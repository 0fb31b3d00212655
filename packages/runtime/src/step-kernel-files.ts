import { existsSync, readdirSync, statSync } from 'node:fs'
import {
  type ChildCall,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  openHost,
} from '@tsbuild/host'
import type { SecurityMode } from '@tsbuild/spec'
import { maskedProc, maskedSys, readonlyProc } from './hidden-files.js'

const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC

/** What there is to hide on this kernel; read once, at the host's root. */
export interface KernelFiles {
  /** Mounts /sys in the thread's present root and network namespace. */
  mountSys(security: SecurityMode): void
  /** What the child does to get its /proc, which shows the PID namespace of who mounts it. */
  procCalls(security: SecurityMode): ChildCall[]
}

/** Reads what this kernel has below /proc and /sys. */
export function readKernelFiles(): KernelFiles {
  const sys = [...maskedSys, ...thermalThrottle()].filter((name) => existsSync(`/sys/${name}`))
  const proc = [...maskedProc.flatMap(maskCall), ...readonlyProc.flatMap(readonlyCalls)]
  return {
    mountSys(security) {
      const host = openHost()
      const readonly = security === 'insecure' ? 0 : MS_RDONLY
      host.mount('sysfs', '/sys', 'sysfs', flags | readonly)
      if (security === 'insecure') return
      for (const name of sys) host.mount('tmpfs', `/sys/${name}`, 'tmpfs', flags | MS_RDONLY, 'size=0,nr_inodes=1')
    },
    procCalls(security) {
      const mount: ChildCall = { name: 'mount', args: ['proc', '/proc', 'proc', flags, null] }
      return security === 'insecure' ? [mount] : [mount, ...proc]
    },
  }
}

function thermalThrottle(): string[] {
  const cpus = '/sys/devices/system/cpu'
  if (!existsSync(cpus)) return []
  return readdirSync(cpus)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `devices/system/cpu/${name}/thermal_throttle`)
}

function maskCall(name: string): ChildCall[] {
  const path = `/proc/${name}`
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return []
  if (!stat.isDirectory()) return [{ name: 'mount', args: ['/dev/null', path, null, MS_BIND, null] }]
  return [{ name: 'mount', args: ['tmpfs', path, 'tmpfs', flags | MS_RDONLY, 'size=0,nr_inodes=1'] }]
}

function readonlyCalls(name: string): ChildCall[] {
  const path = `/proc/${name}`
  if (!existsSync(path)) return []
  return [
    { name: 'mount', args: [path, path, null, MS_BIND | MS_REC, null] },
    { name: 'mount', args: [null, path, null, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, null] },
  ]
}
