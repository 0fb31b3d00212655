import {
  type ChildCall,
  openHost,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  SECCOMP_SET_MODE_FILTER,
} from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { capabilitiesOf, droppedCapabilities } from './capabilities.js'
import { filterFor } from './seccomp/filter.js'

/** How a child comes to the privileges of its process, in three parts. */
export interface PrivilegeCalls {
  /** While the child is root. */
  readonly first: readonly ChildCall[]
  /** Once it has its user, with all capabilities still. */
  readonly asUser: readonly ChildCall[]
  /** At the very end: from here on the system call filter is in force. */
  readonly last: readonly ChildCall[]
}

type Privileges = Pick<ProcessSpec, 'security' | 'sandbox'>

const PR_CAP_AMBIENT = 47
const PR_CAP_AMBIENT_CLEAR_ALL = 4

/** Most steps of a launcher are alike. */
const mostCached = 32
const cache = new Map<string, PrivilegeCalls>()

/** A filter takes CAP_SYS_ADMIN (or no_new_privs, which sudo could not live with), and every call behind it has to be one that the
 * filter allows. So the child keeps its capabilities until there is nothing left to do but to execute its program, which is what
 * takes them: by then the bounding set is that of the process, and nothing is inheritable.
 * @throws {RuntimeError} `CAPABILITY_UNKNOWN`, `CAPABILITY_UNAVAILABLE`, `SECCOMP_PROFILE_INVALID` */
export function privilegeCalls({ security, sandbox }: Privileges): PrivilegeCalls {
  const { permitted } = openHost().capget()
  const key = `${permitted} ${security} ${JSON.stringify(sandbox)}`
  const known = cache.get(key)
  if (known) return known
  const calls = makeCalls({ ...(security ? { security } : {}), ...(sandbox ? { sandbox } : {}) }, permitted)
  if (cache.size >= mostCached) cache.clear()
  cache.set(key, calls)
  return calls
}

function makeCalls(privileges: Privileges, permitted: bigint): PrivilegeCalls {
  const names = capabilitiesOf(privileges, permitted)
  return {
    first: [
      ...dropCalls(privileges, names),
      { name: 'prctl', args: [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0], optional: true },
      { name: 'prctl', args: [PR_SET_KEEPCAPS, 1, 0, 0, 0] },
    ],
    // Another user has them permitted, but not in effect.
    asUser: [{ name: 'capset', args: [capabilityHeader(), capabilityData(permitted)] }],
    last: [
      ...(privileges.sandbox?.noNewPrivileges
        ? [{ name: 'prctl', args: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] } satisfies ChildCall]
        : []),
      ...filterCalls(privileges, names),
    ],
  }
}

/** What an insecure process without wishes has is left alone, capabilities that are newer than us included. */
function dropCalls({ security, sandbox }: Privileges, names: readonly string[]): ChildCall[] {
  if (security === 'insecure' && (sandbox?.capDrop ?? []).length === 0) return []
  return droppedCapabilities(names).map((bit) => ({
    name: 'prctl',
    args: [PR_CAPBSET_DROP, bit, 0, 0, 0],
    optional: true,
  }))
}

function filterCalls({ security, sandbox }: Privileges, names: readonly string[]): ChildCall[] {
  const profile = sandbox?.seccomp ?? (security === 'insecure' ? 'unconfined' : 'default')
  if (profile === 'unconfined') return []
  const { program, flags } = filterFor(profile, names)
  return [{ name: 'seccomp', args: [SECCOMP_SET_MODE_FILTER, flags, { bpf: program }] }]
}

const capabilityVersion = 0x20080522

/** `struct __user_cap_header_struct`, for the child itself. */
function capabilityHeader(): Uint8Array {
  return new Uint8Array(Uint32Array.of(capabilityVersion, 0).buffer)
}

/** `struct __user_cap_data_struct[2]`: effective, permitted, inheritable. */
function capabilityData(bits: bigint): Uint8Array {
  const [low, high] = [Number(bits & 0xffffffffn), Number(bits >> 32n)]
  return new Uint8Array(Uint32Array.of(low, low, 0, high, high, 0).buffer)
}
