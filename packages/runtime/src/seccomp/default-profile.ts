import type { SeccompProfile } from '@tsbuild/spec'
import { allowedCalls } from './allowed-calls.js'

const ENOSYS = 38
const EPERM = 1
const allow = 'SCMP_ACT_ALLOW'

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const newNamespaces = 0x7e020000

/** Linux, BSD's uname26, and combinations; the last one asks which it is. */
const personalities = [0, 0x8, 0x20000, 0x20008, 0xffffffff]

/** Address families above AF_ROSE (11) that are in use; not AF_ALG and AF_VSOCK, nor what nobody looks after any more. */
const socketFamilies = [
  ...[13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39],
  ...[41, 42, 43, 44, 45],
]

/** What a capability allows besides. */
const withCapability: Readonly<Record<string, string>> = {
  CAP_BPF: 'bpf',
  CAP_DAC_READ_SEARCH: 'open_by_handle_at',
  CAP_PERFMON: 'perf_event_open',
  CAP_SYSLOG: 'syslog',
  CAP_SYS_ADMIN: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
    lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd
    setdomainname sethostname setns syslog umount umount2 unshare`,
  CAP_SYS_BOOT: 'reboot',
  CAP_SYS_CHROOT: 'chroot',
  CAP_SYS_MODULE: 'delete_module init_module finit_module',
  CAP_SYS_NICE: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  CAP_SYS_PACCT: 'acct',
  CAP_SYS_PTRACE: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
  CAP_SYS_RAWIO: 'iopl ioperm',
  CAP_SYS_TIME: 'settimeofday stime clock_settime clock_settime64',
  CAP_SYS_TTY_CONFIG: 'vhangup',
}

/** What an architecture has of its own, by Go's names. */
const withArchitecture: readonly (readonly [calls: string, arches: readonly string[]])[] = [
  ['arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls', ['arm', 'arm64']],
  ['arch_prctl', ['amd64', 'x32']],
  ['modify_ldt', ['amd64', 'x32', 'x86']],
]

/** Docker's rules, in the form of its JSON files: whatever is not named fails with EPERM. */
export const defaultProfile: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: EPERM,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
  ],
  syscalls: [
    { names: words(allowedCalls), action: allow },
    // Before Linux 4.8 a tracer could change a call after the filter had seen it.
    {
      names: ['process_vm_readv', 'process_vm_writev', 'ptrace'],
      action: allow,
      includes: { minKernel: '4.8' },
    },
    { names: ['socket'], action: allow, args: [{ index: 0, value: 12, op: 'SCMP_CMP_LT' }] },
    ...socketFamilies.map((value) => ({
      names: ['socket'],
      action: allow,
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    })),
    ...personalities.map((value) => ({
      names: ['personality'],
      action: allow,
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    })),
    ...withArchitecture.map(([calls, arches]) => ({ names: words(calls), action: allow, includes: { arches } })),
    ...Object.entries(withCapability).map(([capability, calls]) => ({
      names: words(calls),
      action: allow,
      includes: { caps: [capability] },
    })),
    {
      names: ['clone'],
      action: allow,
      args: [{ index: 0, value: newNamespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      excludes: { caps: ['CAP_SYS_ADMIN'] },
    },
    // Its flags lie in memory, where no filter sees them; libc takes clone where there is no clone3.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS, excludes: { caps: ['CAP_SYS_ADMIN'] } },
  ],
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}
