import { randomBytes } from 'node:crypto'
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RegistryError } from '../errors.js'

/** Writes a file that only its owner may read, wholly or not at all. A link stays, and what it leads to is replaced.
 * @throws {RegistryError} `CREDENTIALS_FAILED` */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await replace(await realpath(path).catch(() => path), text)
  } catch (cause) {
    throw new RegistryError(
      'CREDENTIALS_FAILED',
      `Cannot write credentials file "${path}": ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

async function replace(target: string, text: string): Promise<void> {
  const aside = `${target}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(aside, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, target)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
}
