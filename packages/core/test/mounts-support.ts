import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { openHost } from '@tsbuild/host'
import type { ByteStream, CacheBackend, Descriptor, Digest } from '@tsbuild/spec'

/** A cache that forgets everything when the test is over, and counts what it is asked. */
export class MemoryBackend implements CacheBackend {
  readonly title = 'memory'
  readonly blobs = new Map<Digest, Uint8Array>()
  readonly put_: Descriptor[] = []
  got = 0
  hasCalls = 0
  /** Called before a blob is put. */
  onPut: (blob: Descriptor) => void | Promise<void> = () => {}

  /** Bytes of all blobs put since the last call. */
  takeSent(): number {
    return this.put_.splice(0).reduce((sum, { size }) => sum + size, 0)
  }

  async has(digests: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    this.hasCalls++
    return new Set(digests.filter((digest) => this.blobs.has(digest)))
  }

  async *get({ digest }: Descriptor, { signal }: { readonly signal?: AbortSignal } = {}): ByteStream {
    this.got++
    const blob = this.blobs.get(digest)
    if (blob === undefined) throw new Error(`no blob ${digest}`)
    for (let at = 0; at < blob.length; at += 10_000) {
      signal?.throwIfAborted()
      yield blob.slice(at, at + 10_000)
    }
  }

  async put(blob: Descriptor, open: (offset: number) => ByteStream): Promise<void> {
    await this.onPut(blob)
    const chunks: Uint8Array[] = []
    for await (const chunk of open(0)) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    if (digest !== blob.digest || bytes.length !== blob.size) throw new Error(`put ${blob.digest} as ${digest}`)
    this.blobs.set(blob.digest, bytes)
    this.put_.push(blob)
  }

  async getRecord(): Promise<Uint8Array | undefined> {
    return undefined
  }

  async putRecord(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** All that an export keeps of a folder, a line a path; names that are not UTF-8 as their bytes. */
export function describeTree(root: string): string[] {
  const lines: string[] = []
  const inodes = new Map<bigint, string>()
  const visit = (path: Buffer, shown: string) => {
    const stats = lstatSync(path, { bigint: true })
    const { mode, uid, gid, mtimeNs, size, ino, nlink } = stats
    const first = inodes.get(ino)
    const parts = [shown, mode.toString(8), `${uid}:${gid}`, `${mtimeNs}`]
    if (stats.isDirectory()) parts.push('directory')
    if (stats.isSymbolicLink()) parts.push(`-> ${readlinkSync(path, 'latin1')}`)
    if (stats.isFile()) parts.push(first === undefined ? `${size} ${sha256(path)}` : `= ${first}`)
    if (!stats.isSymbolicLink()) parts.push(JSON.stringify(xattrsOf(path)))
    if (stats.isFile() && nlink > 1n && first === undefined) inodes.set(ino, shown)
    lines.push(parts.join(' '))
    if (!stats.isDirectory()) return
    const names = readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)
    for (const name of names)
      visit(Buffer.concat([path, Buffer.from('/'), name]), `${shown}/${name.toString('latin1')}`)
  }
  visit(Buffer.from(root), '')
  return lines
}

/** What lies in a folder besides `names`. */
export function others(directory: string, ...names: string[]): string[] {
  return readdirSync(directory).filter((name) => !names.includes(name))
}

export function nameOf(letters: string): string {
  return letters.repeat(16)
}

export function folderIn(directory: string, letters: string): string {
  return join(directory, nameOf(letters))
}

function sha256(path: Buffer): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

function xattrsOf(path: Buffer): Record<string, string> {
  const host = openHost()
  const names = host.llistxattr(path).filter((name) => /^user\.|^security\.capability$/.test(name))
  return Object.fromEntries(names.map((name) => [name, host.lgetxattr(path, name)?.toString('hex') ?? '']))
}
