import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type Digest, digestFromHex } from '@tsbuild/spec'
import { errnoOf, storeError } from '../errors.js'

/** Pieces are collected up to this size, and written together while the next ones come. */
const collectBytes = 1 << 20

/** What this process knows of an upload: how far it came, and the hash of that. */
export interface UploadState {
  readonly hash: Hash
  offset: number
}

/** Knows nothing of a file that another process began, so it is read once; `undefined` where it is gone. */
export async function readUploadState(path: string): Promise<UploadState | undefined> {
  const state: UploadState = { hash: createHash('sha256'), offset: 0 }
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: collectBytes })) {
      state.hash.update(chunk as Buffer)
      state.offset += (chunk as Buffer).length
    }
    return state
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw storeError(error, `read upload "${path}"`)
  }
}

/** The file of an upload, open at its end. After a failed write nothing more can be written. */
export class UploadFile {
  readonly #state: UploadState
  readonly #file: FileHandle
  #collected: Uint8Array[] = []
  #collectedBytes = 0
  #writing: Promise<void> = Promise.resolve()

  private constructor(state: UploadState, file: FileHandle) {
    this.#state = state
    this.#file = file
  }

  /** `undefined` where the file is gone. */
  static async open(path: string, state: UploadState): Promise<UploadFile | undefined> {
    try {
      return new UploadFile(state, await open(path, 'r+'))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw storeError(error, `write upload "${path}"`)
    }
  }

  get offset(): number {
    return this.#state.offset
  }

  /** At most two collections are in memory: one that is being written, and one that is being filled. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#collected.push(chunk)
    this.#collectedBytes += chunk.length
    if (this.#collectedBytes >= collectBytes) await this.#flush()
  }

  async settle(): Promise<void> {
    await this.#flush()
    await this.#writing
  }

  /** Syncs the file and tells what its digest is. */
  async finish(): Promise<Digest> {
    await this.settle()
    await this.#file.datasync().catch(fail)
    return digestFromHex(this.#state.hash.copy().digest('hex'))
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => {})
    await this.#file.close()
  }

  async #flush(): Promise<void> {
    const chunks = this.#collected
    this.#collected = []
    this.#collectedBytes = 0
    await this.#writing
    this.#writing = this.#append(chunks)
    this.#writing.catch(() => {})
  }

  async #append(chunks: readonly Uint8Array[]): Promise<void> {
    const { hash } = this.#state
    let rest = chunks.filter(({ length }) => length > 0)
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev(rest, this.#state.offset).catch(fail)
      const [written, left] = splitAt(rest, bytesWritten)
      for (const chunk of written) hash.update(chunk)
      this.#state.offset += bytesWritten
      rest = left
    }
  }
}

/** The pieces before and behind `bytes`; one that lies on both sides is cut. */
function splitAt(chunks: readonly Uint8Array[], bytes: number): [before: Uint8Array[], behind: Uint8Array[]] {
  const before: Uint8Array[] = []
  const behind: Uint8Array[] = []
  let left = bytes
  for (const chunk of chunks) {
    if (left > 0) before.push(chunk.subarray(0, left))
    if (left < chunk.length) behind.push(chunk.subarray(left))
    left = Math.max(0, left - chunk.length)
  }
  return [before, behind]
}

function fail(error: unknown): never {
  throw storeError(error, 'write upload')
}
