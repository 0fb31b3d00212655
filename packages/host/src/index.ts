export { currentBootId } from './boot-id.js'
export type { BpfProgram, ChildArgument, ChildCall } from './call-list.js'
export { type CallReport, parseCallReport } from './call-program.js'
export { carryError, restoreError } from './carried-error.js'
export {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CAPABILITIES,
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLOSE_RANGE_CLOEXEC,
  CLOSE_RANGE_UNSHARE,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  MNT_DETACH,
  MNT_FORCE,
  MS_BIND,
  MS_MOVE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  O_CLOEXEC,
  O_PATH,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_SECUREBITS,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  RLIMITS,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  SECCOMP_SET_MODE_FILTER,
  UMOUNT_NOFOLLOW,
} from './constants.js'
export { describeErrno, HostError, type HostErrorCode, hasErrno, syscallError } from './errors.js'
export type { FileCalls, OpenHow } from './file-calls.js'
export { removeFreeLocks } from './free-locks.js'
export { createKeyLocks } from './key-locks.js'
export { shareLoadGate, terminateWorker } from './load-gate.js'
export { type LockFile, tryLockFile } from './lock-file.js'
export type { MountCalls } from './mount-calls.js'
export { mountRoot } from './mount-root.js'
export { type MountInfo, parseMountInfo } from './mountinfo.js'
export { type Host, openHost } from './open-host.js'
export { type Probe, type ProbeOptions, probeNamespaces, probeOverlay } from './probes.js'
export type { CapabilitySets, Limit, ProcessCalls } from './process-calls.js'
export { findProcessesUsing, killProcessesUsing } from './processes.js'
export { serveWorker, type WorkerHandlers, type WorkerTask } from './serve-worker.js'
export { openSessionLocks } from './session-locks.js'
export { type ChildEnd, type SpawnCalls, SpawnError } from './spawn-calls.js'
export type { SyscallName } from './syscall-numbers.js'
export type { Path } from './syscaller.js'
export { type PseudoTerminal, type TerminalCalls, TIOCSCTTY } from './terminal-calls.js'
export {
  type EnteredRoot,
  enterHostRoot,
  enterRoot,
  openDirectoryTree,
  openMountTree,
  ownMounts,
  startThreadPool,
  type Tree,
} from './trees.js'
export { createWorkerPool, type RunTaskOptions, type WorkerPool, type WorkerPoolOptions } from './worker-pool.js'
export type { CarriedError } from './worker-protocol.js'
