import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { type Digest, digestHex } from '@tsbuild/spec'

/** What a listing says of one path. */
export interface ListedPath {
  /** As `ls` shows it: `-`, `d`, `l`, `c`, `b`, `p`. */
  readonly type: string
  readonly mode: string
  /** `uid:gid`, or nothing where owners are not copied. */
  readonly owner: string
  /** Beginning of a digest. */
  readonly content: string
  readonly xattrs: string
}

/** So many are kept, the newest, as long as they take no more than this. */
const mostFiles = 256
const mostBytes = 32 << 20
/** A longer list would hold up other work while it is read: then only the source is told. */
const readableBytes = 1 << 20

/** Lists of what selections of files hold, by the digest of the selection: files of their own, read only to explain a miss. */
export class Listings {
  private readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  /** Keeps a deflated list. Explanations do without it where it can't be written. */
  async keep(digest: Digest, listing: Uint8Array): Promise<void> {
    const path = this.pathOf(digest)
    const now = new Date()
    try {
      await utimes(path, now, now)
    } catch {
      const aside = `${path}.${randomBytes(6).toString('hex')}`
      await mkdir(this.directory, { recursive: true, mode: 0o700 })
        .then(() => writeFile(aside, listing))
        .then(() => rename(aside, path))
        .then(() => this.trim())
        .catch(() => rm(aside, { force: true }))
        .catch(() => {})
    }
  }

  /** Paths with what they are, in the order of the walk; `undefined` where the list is not known. */
  read(digest: string): ReadonlyMap<string, ListedPath> | undefined {
    try {
      const bytes = readFileSync(this.pathOf(digest as Digest))
      if (bytes.length > readableBytes) return undefined
      const fields = inflateRawSync(bytes).toString('utf8').split('\0')
      const paths = new Map<string, ListedPath>()
      for (let index = 0; index + 1 < fields.length; index += 2) {
        const [type = '', mode = '', owner = '', content = '', xattrs = ''] = fields[index]!.split(' ')
        paths.set(fields[index + 1]!, { type, mode, owner, content, xattrs })
      }
      return paths
    } catch {
      return undefined
    }
  }

  private pathOf(digest: Digest): string {
    return join(this.directory, digestHex(digest))
  }

  private async trim(): Promise<void> {
    const names = await readdir(this.directory)
    const files = await Promise.all(
      names.map(async (name) => {
        const found = await stat(join(this.directory, name)).catch(() => undefined)
        return { name, size: found?.size ?? 0, at: found?.mtimeMs ?? 0 }
      }),
    )
    let bytes = 0
    const excess = files
      .sort((a, b) => b.at - a.at)
      .filter(({ size }, index) => {
        bytes += size
        return bytes > mostBytes || index >= mostFiles
      })
    for (const { name } of excess) await rm(join(this.directory, name), { force: true })
  }
}
