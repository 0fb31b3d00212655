import type { Server, ServerResponse } from 'node:http'
import { ServerWorker } from '../server-worker.js'
import type { RegistryServer, RegistryServerOptions } from './api.js'
import { Authenticator } from './auth/authenticator.js'
import { Gate } from './auth/gate.js'
import { HtpasswdFile } from './auth/htpasswd-file.js'
import { hostOf, listen } from './listen.js'
import { answer, type RequestServices } from './request.js'
import { UploadTurns } from './upload-turns.js'

const dayMs = 86_400_000
const sweepEveryMs = 3_600_000

/** Starts a registry (OCI distribution spec 1.1) on an address of this machine.
 *
 * ```ts
 * await using server = await createRegistryServer({ storage })
 * console.log(`docker push ${server.host}/app`)
 * ```
 * @throws {RegistryError} `LISTEN_FAILED`, `TLS_INVALID`, `HTPASSWD_INVALID` */
export async function createRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const { storage, auth, readonly = false, allowDelete = false, uploadIdleMs = dayMs, onRequest } = options
  const worker = new ServerWorker(options.workerDir)
  const gate = auth && new Gate(new Authenticator(await HtpasswdFile.open(auth.htpasswd), worker), auth)
  const service = { storage, worker, turns: new UploadTurns(), readonly, allowDelete }
  const requests = new Requests({ service, gate, onRequest })
  const server = await listen(
    options,
    (incoming, outgoing) => requests.add(outgoing, answer(incoming, outgoing, false, requests.services)),
    (incoming, outgoing) => requests.add(outgoing, answer(incoming, outgoing, true, requests.services)),
  )
  const sweep = () => void storage.uploads.sweep(uploadIdleMs).catch(() => {})
  if (!readonly) sweep()
  const sweeper = readonly ? undefined : setInterval(sweep, sweepEveryMs).unref()
  const { host, port } = hostOf(server)
  let closing: Promise<void> | undefined
  const close = async () => {
    clearInterval(sweeper)
    await closeServer(server, requests, options.graceMs ?? 30_000)
    await worker[Symbol.asyncDispose]()
  }
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    port,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  }
}

/** The requests that are under way. */
class Requests {
  readonly services: RequestServices
  readonly #running = new Map<Promise<void>, ServerResponse>()
  #closing = false

  constructor(services: RequestServices) {
    this.services = services
  }

  add(outgoing: ServerResponse, work: Promise<void>): void {
    if (this.#closing) outgoing.shouldKeepAlive = false
    this.#running.set(work, outgoing)
    void work.finally(() => this.#running.delete(work))
  }

  /** Resolves when all have ended. */
  async end(): Promise<void> {
    this.#closing = true
    for (const outgoing of this.#running.values()) outgoing.shouldKeepAlive = false
    while (this.#running.size > 0) await Promise.allSettled(this.#running.keys())
  }
}

/** No new connection is taken; requests under way end, but after `graceMs` they are cut. */
async function closeServer(server: Server, requests: Requests, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await requests.end()
  server.closeIdleConnections()
  // A connection may be between a request and the next one's first byte.
  const last = setTimeout(() => server.closeAllConnections(), 1_000)
  await closed
  clearTimeout(timer)
  clearTimeout(last)
  // What was cut still puts away what came.
  await requests.end()
}
