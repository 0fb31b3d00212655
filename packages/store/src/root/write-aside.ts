import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { faultPoint } from '@tsbuild/spec'

/** Writes a small file so that whoever reads `path` sees the old or the new content, also after a power cut. */
export function writeAsideSync(path: string, text: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const fd = openSync(aside, 'wx', 0o600)
    try {
      writeFileSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    faultPoint('root-file.publish.before')
    renameSync(aside, path)
    faultPoint('root-file.publish.after')
  } catch (error) {
    rmSync(aside, { force: true })
    throw error
  }
}

/** Writes and syncs a new small file at `path`; nothing is left of it after a failure. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}
