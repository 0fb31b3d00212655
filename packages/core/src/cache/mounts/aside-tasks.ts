import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync } from 'node:fs'
import { LOCK_EX, LOCK_NB, openHost } from '@tsbuild/host'

export interface LockedFolder {
  readonly path: string
  /** Holds the lock that says that it is in use. */
  readonly fd: number
}

/** Makes a folder beside `folder` and takes its lock. */
export function openAsideTask(folder: string): LockedFolder {
  for (let time = Date.now(); ; time++) {
    const path = `${folder}.${process.pid}-${time}`
    try {
      mkdirSync(path, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw error
    }
    const fd = lockedFolder(path)
    // A sweeper may have been quicker.
    if (fd !== undefined) return { path, fd }
  }
}

/** Takes the lock of a folder, where nobody has it and the folder is still there. */
export function lockedFolder(path: string): number | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    const taken = openHost().flock(fd, LOCK_EX | LOCK_NB)
    if (taken && lstatSync(path).ino === fstatSync(fd).ino) return fd
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  closeSync(fd)
  return undefined
}
