import { closeSync, constants, openSync } from 'node:fs'
import { socketName } from '../container-paths.js'

/** A way to a socket in `directory` that fits the 107 bytes which the kernel takes, however long the directory's own path is.
 * It works until it is disposed. */
export function openSocketPath(directory: string): { readonly path: string } & Disposable {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  let open = true
  return {
    path: `/proc/self/fd/${fd}/${socketName}`,
    [Symbol.dispose]() {
      if (open) closeSync(fd)
      open = false
    },
  }
}
