import { enterRoot, type WorkerTask } from '@tsbuild/host'
import type { Mount } from '@tsbuild/spec'
import { cleanPath, toBinary } from './binary-path.js'
import { makeDirectories } from './make-directories.js'
import { seconds } from './target-tree.js'
import { findOwner, type Owner } from './users.js'

export type { Owner }

export interface MakeDirectoryInput {
  readonly target: Mount
  readonly path: string
  readonly mode: number
  readonly user?: string
  /** Seconds since the epoch. */
  readonly modifiedTime?: number
}

export interface LookUpUserInput {
  readonly target: Mount
  readonly user: string
}

export function makeDirectoryTask(input: MakeDirectoryInput, task: WorkerTask): { created: boolean } {
  task.throwIfAborted()
  using _root = enterRoot(input.target)
  const owner = input.user === undefined ? { uid: 0, gid: 0 } : findOwner(input.user, { lenient: true })
  const mtimeNs = input.modifiedTime === undefined ? undefined : seconds(input.modifiedTime)
  const made = makeDirectories(toBinary(cleanPath(input.path)), { mode: input.mode, owner, mtimeNs })
  return { created: made.length > 0 }
}

export function lookUpUserTask({ target, user }: LookUpUserInput): Owner {
  using _root = enterRoot(target)
  return findOwner(user)
}
