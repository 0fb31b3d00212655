import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasErrno } from './errors.js'
import { tryLockFile } from './lock-file.js'

/** Removes the files of locks that nobody holds: who was killed leaves its own behind. Who asks for one of them meanwhile waits for a
 * moment. Costs as much as there are files.
 * @throws {HostError} `LOCK_UNUSABLE`, `HOST_UNSUPPORTED` */
export async function removeFreeLocks(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error) => {
    if (hasErrno(error, 'ENOENT')) return []
    throw error
  })
  for (const name of names) if (/\.(lock|session)$/.test(name)) tryLockFile(join(directory, name))?.release()
}
