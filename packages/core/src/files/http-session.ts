import { type CallOptions, isDigest } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import type { Download, Downloader } from './download.js'
import { httpAuthorization } from './http-auth.js'
import { redactUrl } from './redact-url.js'

/** The URLs of one build. Each is asked for once: all steps of a build see the same bytes. */
export class HttpSession {
  readonly #downloader: Downloader
  readonly #secrets: ReadonlyMap<string, Uint8Array>
  readonly #fetched = new Map<string, Promise<Download>>()

  constructor(downloader: Downloader, secrets: ReadonlyMap<string, Uint8Array>) {
    this.#downloader = downloader
    this.#secrets = secrets
  }

  /** @param checksum digest that the bytes must have
   * @throws {CoreError} `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `COPY_INVALID` (a checksum that is none) */
  async fetch(url: string, checksum: string | undefined, { signal }: CallOptions = {}): Promise<Download> {
    checkChecksum(checksum)
    const download = await this.#once(url, signal)
    if (checksum === undefined || download.digest === checksum) return download
    const state = `digest mismatch ${download.digest}: ${checksum}`
    throw new CoreError('CHECKSUM_MISMATCH', `Cannot add "${redactUrl(url)}": ${state}`)
  }

  async #once(url: string, signal: AbortSignal | undefined): Promise<Download> {
    const known = this.#fetched.get(url)
    if (known !== undefined) return await known
    const authorization = httpAuthorization(url, this.#secrets)
    const fetched = this.#downloader.fetch(url, { authorization, ...(signal === undefined ? {} : { signal }) })
    this.#fetched.set(url, fetched)
    try {
      return await fetched
    } catch (error) {
      this.#fetched.delete(url)
      throw error
    }
  }
}

/** @throws {CoreError} `COPY_INVALID` */
export function checkChecksum(checksum: string | undefined): void {
  if (checksum === undefined || isDigest(checksum)) return
  throw new CoreError('COPY_INVALID', `Cannot use checksum "${checksum}": it is not sha256:<64 hex digits>`)
}
