import { statfs } from 'node:fs/promises'
import type { DiskFacts } from './gc-policy.js'

/** What the file system that `path` is on says of itself. */
export async function diskFacts(path: string): Promise<DiskFacts> {
  const { bavail, blocks, bsize, files, ffree } = await statfs(path)
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize, totalFiles: files, freeFiles: ffree }
}
