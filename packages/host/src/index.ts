export { carryError, restoreError } from './carried-error.js'
export * from './constants.js'
export { describeErrno, hasErrno, HostError, type HostErrorCode, syscallError } from './errors.js'
export type { FileCalls, OpenHow } from './file-calls.js'
export type { MountCalls } from './mount-calls.js'
export { mountRoot } from './mount-root.js'
export { type Host, openHost } from './open-host.js'
export type { CapabilitySets, Limit, ProcessCalls } from './process-calls.js'
export { serveWorker, type WorkerHandlers, type WorkerTask } from './serve-worker.js'
export type { Path } from './syscaller.js'
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
export { currentBootId } from './boot-id.js'
export { createKeyLocks } from './key-locks.js'
export { type LockFile, tryLockFile } from './lock-file.js'
export { type MountInfo, parseMountInfo } from './mountinfo.js'
export { type Probe, type ProbeOptions, probeNamespaces, probeOverlay } from './probes.js'
export { findProcessesUsing, killProcessesUsing } from './processes.js'
export { openSessionLocks } from './session-locks.js'
export type { ChildArgument, ChildCall } from './call-list.js'
export { type ChildEnd, type SpawnCalls, SpawnError } from './spawn-calls.js'
export type { SyscallName } from './syscall-numbers.js'
