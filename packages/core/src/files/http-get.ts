import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Digest, digestFromHex } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { redactUrl } from './plan.js'

const maxRedirects = 10

/** The first response that is no redirect; 200 or, if it was asked so, 304. */
export async function openUrl(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  let current = url
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await request(current, headers, signal).catch((cause: Error) => {
      signal?.throwIfAborted()
      throw downloadFailed(url, cause.message, cause)
    })
    const { statusCode = 0, statusMessage = '' } = response
    const { location } = response.headers
    if (statusCode >= 300 && statusCode < 400 && statusCode !== 304 && location !== undefined) {
      response.resume()
      current = new URL(location, current).href
      continue
    }
    if (statusCode === 200 || statusCode === 304) return response
    response.resume()
    throw downloadFailed(url, `invalid response status ${statusCode} ${statusMessage}`.trimEnd())
  }
  throw downloadFailed(url, `more than ${maxRedirects} redirects`)
}

function request(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const parsed = new URL(url)
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
      throw new Error(`unsupported protocol ${parsed.protocol}`)
    }
    const get = parsed.protocol === 'https:' ? httpsGet : httpGet
    get(parsed, { headers, ...(signal === undefined ? {} : { signal }) }, resolve).on('error', reject)
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
