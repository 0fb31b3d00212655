import { CAPABILITIES } from '@tsbuild/host'

/** What a process in a Docker container may have by default. */
export const defaultCapabilities = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
]

const lastCapability = 63

/** Bit numbers of the capabilities that a sandboxed process loses: all but Docker's default, also those that are newer than us. */
export function droppedCapabilities(): number[] {
  const kept = new Set(defaultCapabilities.map((name) => CAPABILITIES[name]))
  return Array.from({ length: lastCapability + 1 }, (_, bit) => bit).filter((bit) => !kept.has(bit))
}
