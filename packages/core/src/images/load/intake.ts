import { setTimeout as delay } from 'node:timers/promises'
import type { TarMember } from '@tsbuild/exporter'
import { type ByteStream, type CallOptions, type Digest, hasCode, isDigest, parseDigest } from '@tsbuild/spec'
import type { Lease } from '@tsbuild/store'
import type { EngineParts } from '../../engine-parts.js'
import { freeUnreached, type ImageResources } from '../free-unreached.js'
import { ArchiveMembers, invalid, linkTarget, memberName } from './archive-members.js'

type Parts = Pick<EngineParts, 'store' | 'content' | 'tables' | 'snapshotter' | 'beforeWrite'>

/** Members that say what the others are. */
const documents = new Set(['manifest.json', 'index.json', 'oci-layout'])
const documentBytes = 16 << 20
/** Members that Docker writes for versions of itself that nobody has any more. */
const ignored = /^(?:repositories|[0-9a-f]{64}\/(?:VERSION|json))$/

/** Brings the members of an archive into the store as blobs, each verified where its name says its digest. They are leased until it is
 * disposed; what no image has got by then goes again. */
export class Intake implements AsyncDisposable {
  readonly members = new ArchiveMembers()
  readonly #parts: Parts
  readonly #lease: Lease
  readonly #taken = new Set<string>()
  #kept: ReadonlySet<string> = new Set()
  #made: ImageResources[] = []

  private constructor(parts: Parts, lease: Lease) {
    this.#parts = parts
    this.#lease = lease
  }

  static async open(parts: Parts): Promise<Intake> {
    return new Intake(parts, await parts.store.leases.acquire())
  }

  /** @throws {CoreError} `ARCHIVE_INVALID`, {StoreError} `STORE_FULL` */
  async take(member: TarMember, call: CallOptions): Promise<void> {
    const name = memberName(member.name)
    switch (member.kind) {
      case 'hardlink':
      case 'symlink':
        this.members.add(name, { kind: 'link', target: linkTarget(name, member.kind, member.linkName) })
        return
      case 'file':
        break
      case 'directory':
      case 'other':
        return
    }
    if (ignored.test(name)) return
    if (documents.has(name)) return this.members.addDocument(name, await this.#readDocument(name, member))
    const { size } = member
    const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1]
    const digest =
      hex === undefined
        ? await this.#receive(member.data, call)
        : await this.#write(name, `sha256:${hex}`, member, call)
    this.members.add(name, { kind: 'blob', digest, size })
  }

  /** Takes in bytes that were made of the archive.
   * @throws {StoreError} `STORE_FULL` */
  async add(digest: Digest, bytes: Uint8Array, call: CallOptions): Promise<void> {
    await this.#hold(digest)
    await this.#parts.content.writeBlob({ digest, size: bytes.length }, bytes, call)
  }

  /** Snapshots of these images were made, or are about to be. */
  made(resources: ImageResources): void {
    this.#made.push(resources)
  }

  /** These blobs, and all that was made, belong to images now. */
  keep(digests: Iterable<string>): void {
    this.#kept = new Set(digests)
    this.#made = []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease[Symbol.asyncDispose]()
    const names = new Set([...this.#taken].filter((digest) => !this.#kept.has(digest)))
    for (const made of this.#made) for (const name of made.names) names.add(name)
    if (names.size === 0) return
    // What is as young as the collection itself counts as used.
    await delay(clockMs)
    await freeUnreached(this.#parts, { names, chains: new Map() })
  }

  async #readDocument(name: string, { size, data }: TarMember): Promise<Buffer> {
    if (size > documentBytes) throw invalid(name, `it has ${size} bytes, more than any such list needs`)
    const chunks: Uint8Array[] = []
    for await (const chunk of data) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  async #write(name: string, text: string, { size, data }: TarMember, call: CallOptions): Promise<Digest> {
    const digest = parseDigest(text)
    await this.#hold(digest)
    try {
      await this.#parts.content.writeBlob({ digest, size }, data, call)
    } catch (error) {
      if (!hasCode(error, 'BLOB_DIGEST_MISMATCH') && !hasCode(error, 'BLOB_SIZE_MISMATCH')) throw error
      throw invalid(name, 'its content is not what its name says', error)
    }
    return digest
  }

  async #receive(data: ByteStream, call: CallOptions): Promise<Digest> {
    const { digest } = await this.#parts.content.receiveBlob(data, call)
    await this.#hold(digest)
    return digest
  }

  async #hold(digest: Digest): Promise<void> {
    if (this.#taken.has(digest) || !isDigest(digest)) return
    this.#taken.add(digest)
    await this.#lease.add({ kind: 'blob', digest })
  }
}

const clockMs = 5
