/** Numbers of the system calls used here: `[x64, arm64]`. Calls newer than Linux 5.0 have one number everywhere. */
const table = {
  capget: [125, 90],
  capset: [126, 91],
  chdir: [80, 49],
  chroot: [161, 51],
  clone: [56, 220],
  close: [3, 57],
  close_range: [436, 436],
  copy_file_range: [326, 285],
  dup3: [292, 24],
  execve: [59, 221],
  exit: [60, 93],
  fchdir: [81, 50],
  fchown: [93, 55],
  fchownat: [260, 54],
  flock: [73, 32],
  gettid: [186, 178],
  ioctl: [16, 29],
  keyctl: [250, 219],
  kill: [62, 129],
  lgetxattr: [192, 9],
  llistxattr: [195, 12],
  lremovexattr: [198, 15],
  lsetxattr: [189, 6],
  mknodat: [259, 33],
  mmap: [9, 222],
  mount: [165, 40],
  mount_setattr: [442, 442],
  mprotect: [10, 226],
  munmap: [11, 215],
  openat2: [437, 437],
  openat: [257, 56],
  pidfd_open: [434, 434],
  pidfd_send_signal: [424, 424],
  pipe2: [293, 59],
  pivot_root: [155, 41],
  prctl: [157, 167],
  prlimit64: [302, 261],
  renameat2: [316, 276],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  seccomp: [317, 277],
  setgroups: [116, 159],
  sethostname: [170, 161],
  setns: [308, 268],
  setresgid: [119, 149],
  setresuid: [117, 147],
  setsid: [112, 157],
  socket: [41, 198],
  syncfs: [306, 267],
  umask: [95, 166],
  umount2: [166, 39],
  unshare: [272, 97],
  utimensat: [280, 88],
  wait4: [61, 260],
} as const

export type SyscallName = keyof typeof table

/** The numbers for a `process.arch`, or `undefined` where we have none. */
export function syscallNumbers(arch: string): Readonly<Record<SyscallName, number>> | undefined {
  const column = arch === 'x64' ? 0 : arch === 'arm64' ? 1 : undefined
  if (column === undefined) return undefined
  const entries = Object.entries(table).map(([name, numbers]) => [name, numbers[column]])
  return Object.fromEntries(entries)
}
