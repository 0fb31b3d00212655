import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { type Descriptor, digestFromHex, faultPoint } from '@tsbuild/spec'
import { StoreError, storeError } from '../errors.js'

/** Longest piece that is hashed at once: about a millisecond of this thread. */
const pieceBytes = 1 << 20

export type BlobId = Pick<Descriptor, 'digest' | 'size'>

/** A blob that is being written beside its place. It knows how far it came, so that it can be closed and taken up again. */
export class PartialBlob {
  readonly #id: BlobId
  readonly #path: string
  readonly #hash: Hash = createHash('sha256')
  #file: FileHandle | undefined
  #bytes = 0

  constructor(id: BlobId, path: string) {
    this.#id = id
    this.#path = path
  }

  get bytes(): number {
    return this.#bytes
  }

  async open(): Promise<void> {
    this.#file ??= await open(this.#path, this.#bytes === 0 ? 'w' : 'r+', 0o600).catch(this.#fail)
  }

  /** Takes up the file that an earlier process left at this path: its bytes are read again, since nobody knows their hash. */
  async adopt(): Promise<void> {
    const file = await open(this.#path, 'r+').catch(this.#fail)
    this.#file = file
    const buffer = Buffer.allocUnsafe(pieceBytes)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, pieceBytes, this.#bytes).catch(this.#fail)
      if (bytesRead === 0) break
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.#bytes += bytesRead
    }
    if (this.#bytes > this.#id.size) throw this.#sizeMismatch(`more than ${this.#id.size} bytes are there`)
  }

  /** Leaves the file to `take`, which moves it away. */
  async leave(take: (path: string) => Promise<void>): Promise<void> {
    await this.close()
    await take(this.#path)
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#bytes + chunk.length > this.#id.size) throw this.#sizeMismatch(`more than ${this.#id.size} bytes came`)
    for (let start = 0; start < chunk.length; start += pieceBytes)
      await this.#writePiece(chunk.subarray(start, start + pieceBytes))
  }

  /** Verifies, syncs and renames; it can't be used afterwards. */
  async finish(target: string): Promise<void> {
    const { digest, size } = this.#id
    if (this.#bytes !== size) throw this.#sizeMismatch(`${this.#bytes} of ${size} bytes came`)
    const actual = digestFromHex(this.#hash.digest('hex'))
    if (actual !== digest) {
      throw new StoreError('BLOB_DIGEST_MISMATCH', `Cannot write blob "${digest}": what came has digest ${actual}`, {
        hint: 'It was damaged on its way, or the sender is not to be trusted; try again',
      })
    }
    try {
      await this.#file?.datasync()
      await this.close()
      faultPoint('blob.publish.before')
      await rename(this.#path, target)
      faultPoint('blob.publish.after')
    } catch (error) {
      throw this.#typed(error)
    }
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async discard(): Promise<void> {
    await this.close()
    await rm(this.#path, { force: true })
  }

  async #writePiece(piece: Uint8Array): Promise<void> {
    let done = 0
    while (done < piece.length) {
      const { bytesWritten } = await this.#writeSome(piece, done).catch(this.#fail)
      done += bytesWritten
    }
    this.#hash.update(piece)
    this.#bytes += piece.length
  }

  async #writeSome(piece: Uint8Array, done: number): Promise<{ readonly bytesWritten: number }> {
    const file = this.#opened()
    faultPoint('blob.write')
    return await file.write(piece, done, piece.length - done, this.#bytes + done)
  }

  #opened(): FileHandle {
    if (this.#file === undefined)
      throw new StoreError('STORE_FAILED', `Cannot write blob "${this.#id.digest}": its ingest was closed`)
    return this.#file
  }

  #sizeMismatch(state: string): StoreError {
    return new StoreError('BLOB_SIZE_MISMATCH', `Cannot write blob "${this.#id.digest}": ${state}`, {
      hint: 'The transfer was cut off or damaged; try again',
    })
  }

  #typed(error: unknown): Error {
    return storeError(error, `write blob "${this.#id.digest}"`)
  }

  readonly #fail = (error: unknown): never => {
    throw this.#typed(error)
  }
}
