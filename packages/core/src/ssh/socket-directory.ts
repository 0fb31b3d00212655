import { randomBytes } from 'node:crypto'
import { constants, mkdir, open, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

/** A private folder for sockets; disposing it removes it. */
export interface SocketDirectory extends AsyncDisposable {
  readonly path: string
  /** A path to `name` in it that fits a socket's address (107 bytes) however deep the folder lies. For this process only. */
  short(name: string): string
  /** The same for programs that this process starts. */
  reachable(name: string): string
}

/** @param parent made when it is missing, and removed again when nothing else is in it */
export async function openSocketDirectory(parent: string): Promise<SocketDirectory> {
  const path = join(parent, `ssh-${randomBytes(8).toString('hex')}`)
  await mkdir(path, { recursive: true, mode: 0o700 })
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  return {
    path,
    short: (name) => `/proc/self/fd/${handle.fd}/${name}`,
    reachable: (name) => `/proc/${process.pid}/fd/${handle.fd}/${name}`,
    async [Symbol.asyncDispose]() {
      await handle.close()
      await rm(path, { recursive: true, force: true })
      await rmdir(parent).catch(() => {})
    },
  }
}
