import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { type CallOptions, type Digest, digestHex, faultPoint, isDigest, type Table } from '@tsbuild/spec'
import { downloadFailed, openUrl, type RequestHeaders, saveBody } from './http-get.js'
import { redactUrl } from './redact-url.js'

/** A URL, fetched. */
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

export interface FetchOptions extends CallOptions {
  /** Value of the `Authorization` header. Neither kept nor shown. */
  readonly authorization?: string | undefined
}

const staleMs = 3_600_000

/** Fetches URLs. Bytes lie in `directory` under their digest; a URL that says by ETag or Last-Modified that it is as before
 * is not fetched again. */
export class Downloader {
  private readonly options: DownloaderOptions
  private swept = false

  constructor(options: DownloaderOptions) {
    this.options = options
  }

  /** @throws {CoreError} `DOWNLOAD_FAILED` */
  async fetch(url: string, { signal, authorization }: FetchOptions = {}): Promise<Download> {
    const row = await this.known(url)
    const always: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'tsbuild' }
    if (row?.etag !== undefined) always['if-none-match'] = row.etag
    else if (row?.lastModified !== undefined) always['if-modified-since'] = row.lastModified
    const headers: RequestHeaders = { always, authorization }
    const response = await openUrl(url, headers, signal)
    if (row !== undefined && isUnchanged(response, row)) {
      // A server that sends all of it again all the same isn't listened to.
      if (response.statusCode === 304) response.resume()
      else response.destroy()
      return this.toDownload(row)
    }
    if (response.statusCode === 304) {
      response.resume()
      throw downloadFailed(url, 'the server calls unchanged what it was not asked for')
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
      faultPoint('download.publish.before')
      await rename(partial, this.path(digest))
      faultPoint('download.publish.after')
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
  const inUrl = nameInUrl(url)
  if (inUrl !== undefined) return inUrl
  const named = /filename="?([^";]+)"?/i
    .exec(disposition ?? '')?.[1]
    ?.split(/[\\/]/)
    .at(-1)
  return named === undefined || named === '' || named === '.' || named === '..' ? '__unnamed__' : named
}

/** The last part of a URL's path, where that is a file's name. */
export function nameInUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const path = new URL(url).pathname.replace(/\/+$/, '')
  const base = decode(path.slice(path.lastIndexOf('/') + 1))
  return base !== '' && base !== '.' && base !== '..' && !base.includes('/') ? base : undefined
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Not every server that gives entity tags compares them. */
function isUnchanged({ statusCode, headers }: IncomingMessage, { etag }: DownloadRow): boolean {
  if (statusCode === 304) return true
  return etag !== undefined && headers.etag !== undefined && strongTag(headers.etag) === strongTag(etag)
}

function strongTag(tag: string): string {
  return tag.replace(/^W\//, '')
}

/** Passwords are not even kept as a part of what is hashed. */
function urlKey(url: string): string {
  return createHash('sha256').update(redactUrl(url)).digest('hex')
}
