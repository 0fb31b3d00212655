import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Emulator, parseRegistration } from './binfmt.js'

const directory = '/proc/sys/fs/binfmt_misc'

/** The emulators that the kernel has been told of; none where binfmt_misc is not mounted or is switched off. */
export async function readEmulators(from = directory): Promise<Emulator[]> {
  const names = await readdir(from).catch((): string[] => [])
  const read = async (name: string) => await readFile(join(from, name), 'utf8').catch(() => '')
  if (!names.includes('status') || (await read('status')).trim() !== 'enabled') return []
  const found = await Promise.all(
    names
      .filter((name) => name !== 'status' && name !== 'register')
      .map(async (name) => parseRegistration(name, await read(name))),
  )
  return found.filter((emulator) => emulator !== undefined)
}
