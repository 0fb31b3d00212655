import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { faultPoint } from '@tsbuild/spec'

/** Fewer bytes are sooner fetched again than looked for. */
const leastBytes = 65_536
/** Milliseconds after which nobody is expected to come back for a part. */
const maxAgeMs = 86_400_000

/** Beginnings of blobs whose transfer was interrupted, one file `<hex digits>` a digest. They wait here for a process that goes on with
 * them. Nothing says that their bytes are right: that shows when the blob is whole. */
export interface Leftovers {
  /** Takes over the file at `path`, or removes it where it is short or a longer one is here. */
  keep(path: string, hex: string): Promise<void>
  /** Moves what there is of a blob to `path`; tells whether there was something. Of several takers one gets it. */
  take(hex: string, path: string): Promise<boolean>
  /** Removes what is old. */
  expire(): Promise<void>
}

export function createLeftovers(directory: string): Leftovers {
  const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0
  return {
    async keep(path, hex) {
      const size = await sizeOf(path)
      const target = join(directory, hex)
      if (size < leastBytes || size <= (await sizeOf(target))) return rm(path, { force: true })
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      faultPoint('partial.keep.before')
      await rename(path, target)
      faultPoint('partial.keep.after')
    },
    take: (hex, path) =>
      rename(join(directory, hex), path).then(
        () => true,
        () => false,
      ),
    async expire() {
      for (const name of await readdir(directory).catch(() => [])) {
        const file = await stat(join(directory, name)).catch(() => undefined)
        if (file !== undefined && Date.now() - file.mtimeMs > maxAgeMs) await rm(join(directory, name), { force: true })
      }
    },
  }
}
