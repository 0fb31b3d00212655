import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { type CallOptions, type Digest, digestHex, isDigest, type Table } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { downloadFailed, openUrl, saveBody } from './http-get.js'
import { redactUrl } from './plan.js'

/** A URL of ADD, fetched. */
export interface Download {
  /** Where the bytes are; named after their digest. */
  readonly path: string
  /** Name that the file gets in a directory. */
  readonly name: string
  readonly digest: Digest
  readonly size: number
  /** From Last-Modified, seconds since the epoch. */
  readonly modifiedSeconds?: number
}

/** What is remembered of a URL. */
export type DownloadRow = {
  readonly etag?: string
  readonly lastModified?: string
  readonly name: string
  readonly digest: Digest
  readonly size: number
  readonly modifiedSeconds?: number
}

export interface DownloaderOptions {
  readonly directory: string
  readonly table: Table<DownloadRow>
}

const staleMs = 3_600_000

/** Fetches the URLs of ADD. Bytes lie in `directory` under their digest; a URL that says by ETag or Last-Modified that it is as before
 * is not fetched again. */
export class Downloader {
  private readonly options: DownloaderOptions
  private swept = false

  constructor(options: DownloaderOptions) {
    this.options = options
  }

  /** @param checksum digest that the bytes must have
   * @throws {CoreError} `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `COPY_INVALID` (a checksum that is none) */
  async fetch(url: string, checksum: string | undefined, { signal }: CallOptions = {}): Promise<Download> {
    if (checksum !== undefined && !isDigest(checksum)) {
      throw new CoreError('COPY_INVALID', `Cannot use checksum "${checksum}": it is not sha256:<64 hex digits>`)
    }
    const download = await this.revalidated(url, signal)
    if (checksum !== undefined && download.digest !== checksum) {
      throw new CoreError(
        'CHECKSUM_MISMATCH',
        `Cannot add "${redactUrl(url)}": digest mismatch ${download.digest}: ${checksum}`,
      )
    }
    return download
  }

  private async revalidated(url: string, signal: AbortSignal | undefined): Promise<Download> {
    const row = await this.known(url)
    const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'tsbuild' }
    if (row?.etag !== undefined) headers['if-none-match'] = row.etag
    else if (row?.lastModified !== undefined) headers['if-modified-since'] = row.lastModified
    const response = await openUrl(url, headers, signal)
    if (response.statusCode === 304 && row !== undefined) {
      response.resume()
      return this.toDownload(row)
    }
    const fresh = await this.receive(url, response, signal)
    await this.options.table.put(urlKey(url), fresh)
    return this.toDownload(fresh)
  }

  private async known(url: string): Promise<DownloadRow | undefined> {
    const row = this.options.table.get(urlKey(url))
    if (row === undefined || !isDigest(row.digest)) return undefined
    const size = await stat(this.path(row.digest)).then(
      (stats) => stats.size,
      () => -1,
    )
    return size === row.size ? row : undefined
  }

  private async receive(url: string, response: IncomingMessage, signal: AbortSignal | undefined): Promise<DownloadRow> {
    const { directory } = this.options
    await mkdir(directory, { recursive: true, mode: 0o700 })
    if (!this.swept) await sweep(directory)
    this.swept = true
    const partial = join(directory, `partial-${randomBytes(9).toString('hex')}`)
    try {
      const { digest, size } = await saveBody(response, partial, signal)
      await rename(partial, this.path(digest))
      const { etag, 'last-modified': lastModified } = response.headers
      const seconds = lastModified === undefined ? Number.NaN : Math.floor(Date.parse(lastModified) / 1000)
      return {
        ...(etag === undefined ? {} : { etag }),
        ...(lastModified === undefined ? {} : { lastModified }),
        ...(Number.isNaN(seconds) ? {} : { modifiedSeconds: seconds }),
        name: fileName(url, response.headers['content-disposition']),
        digest,
        size,
      }
    } catch (cause) {
      await rm(partial, { force: true })
      signal?.throwIfAborted()
      throw downloadFailed(url, cause instanceof Error ? cause.message : String(cause), cause)
    }
  }

  private toDownload({ name, digest, size, modifiedSeconds }: DownloadRow): Download {
    return {
      path: this.path(digest),
      name,
      digest,
      size,
      ...(modifiedSeconds === undefined ? {} : { modifiedSeconds }),
    }
  }

  private path(digest: Digest): string {
    return join(this.options.directory, digestHex(digest))
  }
}

/** Removes what was left half fetched: nobody has written to it for an hour. */
async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith('partial-')) continue
    const path = join(directory, name)
    const age = await stat(path).then(
      (stats) => Date.now() - stats.mtimeMs,
      () => 0,
    )
    if (age > staleMs) await rm(path, { force: true })
  }
}

/** BuildKit's rule: the last part of the URL's path; the server's word counts where there is none. */
function fileName(url: string, disposition: string | undefined): string {
  const path = new URL(url).pathname.replace(/\/+$/, '')
  const base = decode(path.slice(path.lastIndexOf('/') + 1))
  if (base !== '' && base !== '.' && base !== '..' && !base.includes('/')) return base
  const named = /filename="?([^";]+)"?/i
    .exec(disposition ?? '')?.[1]
    ?.split(/[\\/]/)
    .at(-1)
  return named === undefined || named === '' || named === '.' || named === '..' ? '__unnamed__' : named
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function urlKey(url: string): string {
  return createHash('sha256').update(url).digest('hex')
}
