import type { Credentials } from '../api.js'
import { RegistryError } from '../errors.js'
import { readAll } from '../http/body.js'
import { redactUrl } from '../http/redact.js'
import type { HttpResponse } from '../http/transport.js'

/** A bearer token and when it should no longer be used (milliseconds since the epoch). */
export interface Token {
  readonly value: string
  readonly expiresAt: number
  /** An identity token that came with it. */
  readonly identityToken?: string
}

/** Where tokens come from: the parameters of a `Bearer` challenge. */
export interface TokenService {
  readonly realm: URL
  readonly service?: string
}

export interface TokenRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

const maxTokenAnswer = 1024 * 1024
/** What the docs promise where the answer has no `expires_in`. */
const defaultSeconds = 60

/** The request for a token: by GET with or without a password (distribution's token spec), by POST with an identity token (its OAuth2 spec). */
export function tokenRequest(
  service: TokenService,
  scopes: readonly string[],
  credentials: Credentials | undefined,
  offline = false,
): TokenRequest {
  if (credentials !== undefined && 'identityToken' in credentials) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credentials.identityToken,
      client_id: 'tsbuild',
      scope: scopes.join(' '),
      ...(service.service === undefined ? {} : { service: service.service }),
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return { method: 'POST', url: service.realm, headers, body: Buffer.from(form.toString()) }
  }
  const url = new URL(service.realm)
  if (service.service !== undefined) url.searchParams.set('service', service.service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (credentials === undefined) return { method: 'GET', url, headers: {} }
  url.searchParams.set('account', credentials.username)
  if (offline) {
    url.searchParams.set('client_id', 'tsbuild')
    url.searchParams.set('offline_token', 'true')
  }
  return { method: 'GET', url, headers: { authorization: basic(credentials) } }
}

export function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** Reads a token service's answer with status 200.
 * @throws {RegistryError} `REGISTRY_FAILED` */
export async function readToken(response: HttpResponse, url: URL, now: number): Promise<Token> {
  const bytes = await readAll(response.body, maxTokenAnswer)
  let answer: {
    readonly token?: unknown
    readonly access_token?: unknown
    readonly expires_in?: unknown
    readonly refresh_token?: unknown
  } = {}
  try {
    answer = JSON.parse(bytes?.toString('utf8') ?? '') as typeof answer
  } catch {
    // Told below, without quoting what may hold a token.
  }
  const value = answer?.token || answer?.access_token
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new RegistryError('REGISTRY_FAILED', `Cannot get a token from "${redactUrl(url)}": the answer holds none`)
  }
  const seconds = typeof answer.expires_in === 'number' && answer.expires_in > 0 ? answer.expires_in : defaultSeconds
  // Given up a little early, so that none runs out on its way.
  const expiresAt = now + seconds * 1000 - Math.min(10_000, seconds * 100)
  const identity = answer.refresh_token
  return { value, expiresAt, ...(typeof identity === 'string' && identity !== '' ? { identityToken: identity } : {}) }
}
