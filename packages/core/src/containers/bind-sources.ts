import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import type { ContainerMount } from '../api/containers.js'
import { CoreError } from '../errors.js'

/** Makes the missing sources that may be made, and refuses the others.
 * @throws {CoreError} `OPTION_INVALID` */
export async function ensureBindSources(mounts: readonly ContainerMount[]): Promise<void> {
  for (const mount of mounts) {
    if (mount.kind !== 'bind' || existsSync(mount.source)) continue
    const { source } = mount
    if (!mount.create) {
      throw new CoreError('OPTION_INVALID', `Cannot mount "${source}": there is no such file or directory on the host`)
    }
    await mkdir(source, { recursive: true }).catch((cause: Error) => {
      throw new CoreError('OPTION_INVALID', `Cannot mount "${source}": it can't be made: ${cause.message}`, { cause })
    })
  }
}
