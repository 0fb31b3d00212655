import { createHash, randomBytes } from 'node:crypto'
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobUpload, BlobUploads, Digest } from '@tsbuild/spec'
import { StoreError, storeError } from '../errors.js'
import { makeDirectory } from '../root/make-directory.js'
import type { RepositoryContext } from './create-repositories.js'
import { linkBlob, touchBlob } from './repository-blobs.js'
import { uploadRows } from './tables.js'
import { readUploadState, UploadFile, type UploadState } from './upload-file.js'

/** An upload is a file in `directory`, named by its id, and a row that says whose it is. The bytes in the file are what counts; the
 * hash is kept in memory and made again from the file where another process began it. */
export function createBlobUploads(context: RepositoryContext, directory: string): BlobUploads {
  return new FileUploads(context, directory)
}

class FileUploads implements BlobUploads {
  readonly #context: RepositoryContext
  readonly #directory: string
  readonly #states = new Map<string, UploadState>()

  constructor(context: RepositoryContext, directory: string) {
    this.#context = context
    this.#directory = directory
  }

  async begin(repository: string): Promise<string> {
    const { db, sessions } = this.#context
    const id = randomBytes(16).toString('hex')
    try {
      makeDirectory(this.#directory, 0o700)
      await writeFile(this.#path(id), '', { flag: 'wx', mode: 0o600 })
    } catch (error) {
      throw storeError(error, 'begin an upload')
    }
    await db.update((tx) => uploadRows.put(tx, id, { repository, session: sessions.session }))
    this.#states.set(id, { hash: createHash('sha256'), offset: 0 })
    return id
  }

  async open(repository: string, id: string): Promise<BlobUpload | undefined> {
    const state = await this.#claim(repository, id)
    const file = state && (await UploadFile.open(this.#path(id), state))
    if (file === undefined) return undefined
    return new OpenUpload(file, {
      discard: () => this.#forget(id),
      commit: (digest, size) => this.#commit(repository, id, digest, size),
    })
  }

  async offset(repository: string, id: string): Promise<number | undefined> {
    return (await this.#claim(repository, id))?.offset
  }

  async cancel(repository: string, id: string): Promise<boolean> {
    if ((await this.#claim(repository, id)) === undefined) return false
    await this.#forget(id)
    return true
  }

  async sweep(idleMs: number): Promise<number> {
    const before = Date.now() - idleMs
    let count = 0
    const ids = new Set([...(await readdir(this.#directory).catch(() => [])), ...this.#rowIds()])
    for (const id of ids) {
      if (((await stat(this.#path(id)).catch(() => undefined))?.mtimeMs ?? 0) > before) continue
      if (!(await this.#mayTake(id))) continue
      await this.#forget(id)
      count++
    }
    return count
  }

  /** Makes an upload ours: it is, or the process that had it is dead. */
  async #claim(repository: string, id: string): Promise<UploadState | undefined> {
    const { db } = this.#context
    const row = uploadRows.get(db, id)
    if (row?.repository !== repository || !(await this.#mayTake(id))) return undefined
    const known = this.#states.get(id)
    if (known !== undefined) return known
    const read = await readUploadState(this.#path(id))
    if (read === undefined) {
      await this.#forget(id)
      return undefined
    }
    // Two requests may have read it at once: one state counts.
    const state = this.#states.get(id) ?? read
    this.#states.set(id, state)
    return state
  }

  async #mayTake(id: string): Promise<boolean> {
    const { db, sessions } = this.#context
    const row = uploadRows.get(db, id)
    if (row === undefined || row.session === sessions.session) return true
    const dead = sessions.takeDead(row.session)
    if (dead === undefined) return false
    try {
      return await db.update((tx) => {
        if (uploadRows.get(tx, id)?.session !== row.session) return false
        uploadRows.put(tx, id, { ...row, session: sessions.session })
        return true
      })
    } finally {
      await dead[Symbol.asyncDispose]()
    }
  }

  async #commit(repository: string, id: string, digest: Digest, size: number): Promise<void> {
    const { content, leases, db } = this.#context
    await using _lease = await leases.acquire({ kind: 'blob', digest })
    if (!(await touchBlob(content, digest, size))) {
      await rename(this.#path(id), content.blobPath(digest)).catch((error) => {
        throw storeError(error, `write blob "${digest}"`)
      })
    }
    await linkBlob(db, repository, digest, size)
    await this.#forget(id)
  }

  async #forget(id: string): Promise<void> {
    this.#states.delete(id)
    await rm(this.#path(id), { force: true })
    await this.#context.db.update((tx) => uploadRows.remove(tx, id))
  }

  #rowIds(): string[] {
    return [...uploadRows.entries(this.#context.db)].map(({ key }) => key)
  }

  #path(id: string): string {
    return join(this.#directory, id)
  }
}

interface UploadEnd {
  discard(): Promise<void>
  commit(digest: Digest, size: number): Promise<void>
}

class OpenUpload implements BlobUpload {
  readonly #file: UploadFile
  readonly #end: UploadEnd
  #closed: Promise<void> | undefined

  constructor(file: UploadFile, end: UploadEnd) {
    this.#file = file
    this.#end = end
  }

  get offset(): number {
    return this.#file.offset
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#orDiscard(() => this.#file.write(chunk))
  }

  settle(): Promise<void> {
    return this.#orDiscard(() => this.#file.settle())
  }

  commit(digest: Digest): Promise<void> {
    return this.#orDiscard(async () => {
      const actual = await this.#file.finish()
      if (actual !== digest) {
        throw new StoreError('BLOB_DIGEST_MISMATCH', `Cannot write blob "${digest}": what came has digest ${actual}`)
      }
      await this.#close()
      await this.#end.commit(digest, this.#file.offset)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What came before the sender went away counts; the failure of a last write was told to whoever wrote.
    if (this.#closed === undefined) await this.#file.settle().catch(() => {})
    await this.#close()
  }

  /** What is wrong or does not fit is of no use later. */
  async #orDiscard(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      await this.#close()
      await this.#end.discard()
      throw error
    }
  }

  #close(): Promise<void> {
    this.#closed ??= this.#file.close()
    return this.#closed
  }
}
