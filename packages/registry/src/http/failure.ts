import { RegistryError, type RegistryErrorCode } from '../errors.js'
import { readStart } from './body.js'
import type { Redactor } from './redact.js'
import { BodyFailure, type HttpResponse } from './transport.js'

/** What a request is for, so that its failure can be told. */
export interface Purpose {
  /** Begins the message: `Cannot pull "debian:12"`. */
  readonly what: string
  /** The host that is asked. */
  readonly host: string
  /** What a 404 means. */
  readonly notFound: RegistryErrorCode
}

/** Makes the error of an answer that the request did not want; reads (some of) its body.
 * Codes are those of the distribution spec, "Error Codes". */
export async function responseError(
  response: HttpResponse,
  purpose: Purpose,
  redactor: Redactor,
  hint?: string,
): Promise<RegistryError> {
  const { code, text } = serverMessage(await readStart(response.body, 16_384))
  const said = redactor.clean(text)
  const state = `"${purpose.host}" answered ${response.status}${said === '' ? '' : `: ${said}`}`
  return new RegistryError(
    errorCode(response.status, code, purpose),
    `${purpose.what}: ${state}`,
    hint === undefined ? {} : { hint },
  )
}

function errorCode(status: number, code: string, { notFound }: Purpose): RegistryErrorCode {
  switch (status) {
    case 401:
      return 'REGISTRY_UNAUTHORIZED'
    case 403:
      return 'REGISTRY_DENIED'
    case 404:
      return code === 'NAME_UNKNOWN' ? 'REPOSITORY_NOT_FOUND' : notFound
    case 429:
      return 'TOO_MANY_REQUESTS'
    default:
      if (code === 'MANIFEST_INVALID' || code === 'MANIFEST_BLOB_UNKNOWN') return 'MANIFEST_INVALID'
      return code === 'DIGEST_INVALID' ? 'DIGEST_MISMATCH' : 'REGISTRY_FAILED'
  }
}

/** The first error of the spec's JSON form, else the text as it came, unless that is a web page. */
function serverMessage(body: string): { readonly code: string; readonly text: string } {
  try {
    const { errors } = JSON.parse(body) as {
      readonly errors?: readonly { readonly code?: unknown; readonly message?: unknown }[]
    }
    const first = errors?.[0]
    const code = typeof first?.code === 'string' ? first.code : ''
    const message = typeof first?.message === 'string' ? first.message : ''
    if (code !== '' || message !== '') return { code, text: message || code }
  } catch {
    // Not JSON: a proxy's or load balancer's page.
  }
  return { code: '', text: /^\s*</.test(body) ? '' : body }
}

/** Makes the error of a connection that failed for good; errors of others (a request's body, the caller) stay as they are. */
export function connectionError(error: unknown, { what, host }: Purpose, redactor: Redactor): unknown {
  if (error instanceof BodyFailure) return error.cause
  if (error instanceof RegistryError || !(error instanceof Error)) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : error
  const message = redactor.clean(first?.message || error.message || code)
  const hint = hintFor(code, message)
  return new RegistryError('REGISTRY_UNREACHABLE', `${what}: cannot reach "${host}": ${message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  })
}

function hintFor(code: string, message: string): string | undefined {
  if (/_ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA)/.test(code)) {
    return 'It wants a client certificate, or another one: name "cert" and "key" for this host in the configuration file'
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    return 'Name its certificate authority as "ca" of this host in the configuration file, or the host as "insecure"'
  }
  if (/wrong version number|packet length too long/i.test(message))
    return 'It seems to speak plain HTTP: if that is meant, name the host as "plainHttp" in the configuration file'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'Check the name of the registry and the network'
  if (code === 'ECONNREFUSED') return 'Check that the registry runs and that the port is right'
  return undefined
}
