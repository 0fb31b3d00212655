import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { get as httpGet, type IncomingMessage, STATUS_CODES } from 'node:http'
import { get as httpsGet } from 'node:https'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Digest, digestFromHex } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { redactUrl } from './redact-url.js'

const maxRedirects = 10

/** Headers of a request. */
export interface RequestHeaders {
  readonly always: Readonly<Record<string, string>>
  /** For the very server that the URL names: a redirect to another one goes without it, for good. */
  readonly authorization?: string | undefined
}

/** The first response that is no redirect; 200 or, if it was asked so, 304. */
export async function openUrl(
  url: string,
  headers: RequestHeaders,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const { response } = await followRedirects(url, headers, signal)
  const { statusCode = 0 } = response
  if (statusCode === 200 || statusCode === 304) return response
  response.resume()
  // Not the server's own words: those may repeat what was sent.
  throw downloadFailed(url, `invalid response status ${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trimEnd())
}

/** Where a URL leads to in the end. */
export interface FinalResponse {
  readonly response: IncomingMessage
  readonly url: URL
  /** Whether the authorization went all the way. */
  readonly trusted: boolean
}

/** The first response that is no redirect, whatever its status.
 * @throws {CoreError} `DOWNLOAD_FAILED` */
export async function followRedirects(
  url: string,
  { always, authorization }: RequestHeaders,
  signal: AbortSignal | undefined,
): Promise<FinalResponse> {
  let current = parseUrl(url)
  let trusted = true
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const headers = trusted && authorization !== undefined ? { ...always, authorization } : always
    const response = await request(current, headers, signal).catch((cause: Error) => {
      signal?.throwIfAborted()
      throw downloadFailed(url, cause.message, cause)
    })
    const { statusCode = 0 } = response
    const { location } = response.headers
    if (statusCode < 300 || statusCode >= 400 || statusCode === 304 || location === undefined)
      return { response, url: current, trusted }
    response.resume()
    const next = parseUrl(location, current, url)
    trusted &&= isSameServer(current, next)
    current = next
  }
  throw downloadFailed(url, `more than ${maxRedirects} redirects`)
}

function parseUrl(text: string, base?: URL, shown = text): URL {
  if (URL.canParse(text, base?.href)) return new URL(text, base)
  throw downloadFailed(shown, base === undefined ? 'not a URL' : 'it redirects to what is no URL')
}

/** Whether what is meant for one URL's server may be told to the other's: the same one, or the same host once TLS has been added. */
function isSameServer(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true
  return (
    from.hostname === to.hostname && from.protocol === 'http:' && to.protocol === 'https:' && from.port + to.port === ''
  )
}

function request(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new Error(`unsupported protocol ${url.protocol}`)
    }
    const get = url.protocol === 'https:' ? httpsGet : httpGet
    get(url, { headers, ...(signal === undefined ? {} : { signal }) }, resolve).on('error', reject)
  })
}

export async function saveBody(
  response: IncomingMessage,
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ digest: Digest; size: number }> {
  const hash = createHash('sha256')
  let size = 0
  const tap = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk)
      size += chunk.length
      done(null, chunk)
    },
  })
  await pipeline(
    response,
    tap,
    createWriteStream(path, { mode: 0o600, flags: 'wx' }),
    signal === undefined ? {} : { signal },
  )
  const expected = response.headers['content-length']
  if (expected !== undefined && Number(expected) !== size) throw new Error(`${size} of ${expected} bytes came`)
  return { digest: digestFromHex(hash.digest('hex')), size }
}

export function downloadFailed(url: string, state: string, cause?: unknown): CoreError {
  return new CoreError('DOWNLOAD_FAILED', `Cannot fetch "${redactUrl(url)}": ${state}`, { cause })
}
