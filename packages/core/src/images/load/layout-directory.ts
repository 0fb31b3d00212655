import { createReadStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TarMember } from '@tsbuild/exporter'
import { CoreError } from '../../errors.js'

/** The members of an OCI image layout that lies in a directory. Links in it are not followed.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export async function* layoutDirectory(directory: string): AsyncGenerator<TarMember> {
  const blobs = await readdir(join(directory, 'blobs/sha256')).catch(() => [])
  for (const name of ['index.json', ...blobs.map((blob) => `blobs/sha256/${blob}`)]) {
    const path = join(directory, name)
    const file = await lstat(path).catch((cause) => {
      throw new CoreError('ARCHIVE_INVALID', `Cannot load "${directory}": it has no "${name}"`, {
        cause,
        hint: 'A directory must be an OCI image layout',
      })
    })
    if (!file.isFile()) continue
    const data = createReadStream(path) as AsyncIterable<Buffer>
    yield { name, kind: 'file', linkName: '', size: file.size, data }
  }
}
