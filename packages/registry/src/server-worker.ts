import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Failure, type FailureCode } from './server/failure.js'
import { type ManifestContent, readManifest } from './server/manifest-content.js'

export type WorkerTask =
  | { readonly kind: 'password'; readonly password: string; readonly hash: string }
  | { readonly kind: 'manifest'; readonly bytes: Uint8Array; readonly contentType: string | undefined }

export type WorkerAnswer =
  | { readonly kind: 'password'; readonly right: boolean }
  | { readonly kind: 'manifest'; readonly content: ManifestContent }
  | { readonly kind: 'refused'; readonly status: number; readonly code: FailureCode; readonly message: string }

/** More tasks than these don't wait: guessing passwords must not fill the memory. */
const maxWaiting = 200
/** Manifests up to this size are read in less than a millisecond. */
const smallManifest = 64 << 10

/** A worker thread for what takes long: comparing passwords with bcrypt hashes, and reading large manifests. It starts with its first
 * task. */
export class ServerWorker implements AsyncDisposable {
  readonly #entry: URL
  readonly #waiting = new Map<number, (answer: WorkerAnswer | Error) => void>()
  #worker: Worker | undefined
  #count = 0

  constructor(workerDir?: string) {
    const name = './registry-worker.js'
    this.#entry = workerDir === undefined ? new URL(name, import.meta.url) : pathToFileURL(join(workerDir, name))
  }

  /** Whether a password is that of a bcrypt hash.
   *  @throws {Failure} `TOOMANYREQUESTS` */
  async verify(password: string, hash: string): Promise<boolean> {
    const answer = await this.#run({ kind: 'password', password, hash })
    return answer.kind === 'password' && answer.right
  }

  /** `readManifest`, whatever the size.
   *  @throws {Failure} `MANIFEST_INVALID`, `TOOMANYREQUESTS` */
  async readManifest(bytes: Uint8Array, contentType: string | undefined): Promise<ManifestContent> {
    if (bytes.length <= smallManifest) return readManifest(bytes, contentType)
    const answer = await this.#run({ kind: 'manifest', bytes, contentType })
    if (answer.kind === 'manifest') return answer.content
    if (answer.kind === 'refused') throw new Failure(answer.status, answer.code, answer.message)
    throw new Error('the worker answered something else')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate()
  }

  #run(task: WorkerTask): Promise<WorkerAnswer> {
    if (this.#waiting.size >= maxWaiting) {
      const headers = { 'retry-after': '1' }
      throw new Failure(429, 'TOOMANYREQUESTS', 'the registry is busy', { headers })
    }
    const id = this.#count++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))
      this.#started().postMessage({ id, task })
    })
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(this.#entry, { execArgv: [], env: {} })
    this.#worker = worker
    worker.unref()
    worker.on('message', ({ id, answer }: { readonly id: number; readonly answer: WorkerAnswer }) => {
      this.#waiting.get(id)?.(answer)
      this.#waiting.delete(id)
    })
    const end = (error: Error) => {
      if (this.#worker === worker) this.#worker = undefined
      for (const settle of this.#waiting.values()) settle(error)
      this.#waiting.clear()
    }
    worker.on('error', end)
    worker.on('exit', () => end(new Error('the worker of the registry server ended')))
    return worker
  }
}
