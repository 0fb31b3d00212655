import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'

/** Sum of the sizes of the regular files below a directory; what vanishes meanwhile does not count. */
export async function treeBytes(directory: string): Promise<number> {
  let bytes = 0
  for (const pending = [directory]; pending.length > 0; ) {
    const at = pending.pop() ?? ''
    try {
      for await (const entry of await opendir(at)) {
        const path = join(at, entry.name)
        if (entry.isDirectory()) pending.push(path)
        else if (entry.isFile()) bytes += (await lstat(path)).size
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return bytes
}
