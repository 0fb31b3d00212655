import type { IncomingMessage, ServerResponse } from 'node:http'
import { TsbuildError } from '@tsbuild/spec'
import type { AccessRecord } from './api.js'
import type { Gate } from './auth/gate.js'
import { dispatch, type Service } from './dispatch.js'
import { Exchange } from './exchange.js'
import { Failure } from './failure.js'
import { findRoute } from './routes.js'

export interface RequestServices {
  readonly service: Service
  readonly gate: Gate | undefined
  readonly onRequest: ((record: AccessRecord) => void) | undefined
}

/** Answers one request; never throws. Resolves when the answer is out, or the client is gone. */
export async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  awaitsContinue: boolean,
  { service, gate, onRequest }: RequestServices,
): Promise<void> {
  const at = Date.now()
  const began = performance.now()
  const { closed, gone } = watchEnd(incoming, outgoing)
  const remoteAddress = incoming.socket.remoteAddress ?? ''
  outgoing.setHeader('docker-distribution-api-version', 'registry/2.0')
  const exchange = new Exchange(incoming, outgoing, awaitsContinue, gone)
  const error = await attempt(exchange, outgoing, () => serve(exchange, service, gate))
  await closed
  const userAgent = exchange.header('user-agent')
  onRequest?.({
    at,
    remoteAddress,
    ...(exchange.user === undefined ? {} : { user: exchange.user }),
    method: exchange.method,
    path: exchange.path,
    ...(userAgent === undefined ? {} : { userAgent }),
    status: outgoing.statusCode,
    sentBytes: exchange.sentBytes,
    durationMs: performance.now() - began,
    aborted: gone.aborted,
    ...(error === undefined || gone.aborted ? {} : { error }),
  })
}

/** @returns `closed`, resolved when the answer is out or can't be any more, and `gone`, aborted in the latter case */
function watchEnd(
  { socket }: IncomingMessage,
  outgoing: ServerResponse,
): { readonly closed: Promise<void>; readonly gone: AbortSignal } {
  const gone = new AbortController()
  const closed = new Promise<void>((resolve) => {
    const end = () => {
      socket.off('close', end)
      if (!outgoing.writableFinished) gone.abort(new Error('the client went away'))
      resolve()
    }
    outgoing.once('close', end)
    // An answer that waits for the one before it on the same connection does not hear of its end otherwise.
    socket.once('close', end)
  })
  return { closed, gone: gone.signal }
}

async function serve(exchange: Exchange, service: Service, gate: Gate | undefined): Promise<void> {
  const { path } = exchange
  if (await gate?.token(exchange)) return
  if (path !== '/v2' && !path.startsWith('/v2/')) throw new Failure(404, 'UNSUPPORTED', 'no such endpoint')
  // Who is not known learns nothing of what there is.
  await gate?.admit(exchange)
  await dispatch(exchange, findRoute(path), service)
}

/** @returns what went wrong here, rather than with the request */
async function attempt(exchange: Exchange, outgoing: ServerResponse, work: () => Promise<void>): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    const failure = error instanceof Failure ? error : failureOf(error)
    // What has begun can't become an error: the client sees that it is cut short.
    if (outgoing.headersSent || exchange.signal.aborted) outgoing.destroy()
    else exchange.send(failure.status, { 'content-type': 'application/json', ...failure.headers }, failure.body())
    return failure.status >= 500 ? (failure.cause ?? failure) : undefined
  }
}

/** What the storage threw. Its messages stay here: they name paths. */
function failureOf(cause: unknown): Failure {
  switch (cause instanceof TsbuildError ? cause.code : undefined) {
    case 'STORE_FULL':
      return new Failure(507, 'UNKNOWN', 'no space left in the registry', { cause })
    case 'BLOB_NOT_FOUND':
      return new Failure(404, 'BLOB_UNKNOWN', 'blob unknown to this repository')
    case 'ROOT_READ_ONLY':
      return new Failure(405, 'UNSUPPORTED', 'the registry is read-only', { cause })
    default:
      return new Failure(500, 'UNKNOWN', 'the registry failed', { cause })
  }
}
