import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { RegistryError } from '../errors.js'
import type { RegistryServerOptions } from './api.js'

/** Starts to listen; nothing is answered before.
 * @param onContinue told of requests whose body waits for a go-ahead
 * @throws {RegistryError} `LISTEN_FAILED`, `TLS_INVALID` */
export async function listen(
  { host = '127.0.0.1', port = 0, tls, idleTimeoutMs = 60_000 }: RegistryServerOptions,
  onRequest: RequestListener,
  onContinue: RequestListener,
): Promise<Server> {
  // A large blob on a slow line takes as long as it takes; what counts is that bytes come.
  const options: ServerOptions = { requestTimeout: 0, keepAliveTimeout: Math.min(idleTimeoutMs, 60_000) }
  const server = tls === undefined ? createHttpServer(options) : createTlsServer(options, tls)
  server.on('request', onRequest).on('checkContinue', onContinue)
  server.setTimeout(idleTimeoutMs)
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw listenError(cause as NodeJS.ErrnoException, host, port)
  }
  return server
}

/** The address as URLs have it: `127.0.0.1:5000`, `[::1]:5000`. */
export function hostOf(server: Server): { readonly host: string; readonly port: number } {
  const { address, family, port } = server.address() as AddressInfo
  return { host: `${family === 'IPv6' ? `[${address}]` : address}:${port}`, port }
}

function createTlsServer(options: ServerOptions, { cert, key }: NonNullable<RegistryServerOptions['tls']>): Server {
  try {
    const pem = (text: string | Uint8Array) => (typeof text === 'string' ? text : Buffer.from(text))
    return createHttpsServer({ ...options, cert: pem(cert), key: pem(key), minVersion: 'TLSv1.2' })
  } catch (cause) {
    throw new RegistryError('TLS_INVALID', `Cannot use the TLS certificate: ${(cause as Error).message}`, {
      cause,
      hint: 'Give the certificate chain and its private key, both in PEM form',
    })
  }
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): RegistryError {
  const at = `"${host.includes(':') ? `[${host}]` : host}:${port}"`
  const states: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is in use',
    EACCES: 'permission denied',
    EADDRNOTAVAIL: 'this machine does not have that address',
    ENOTFOUND: 'there is no such host',
  }
  const hint = cause.code === 'EADDRINUSE' ? { hint: 'Choose another port, or end the program that has it' } : {}
  return new RegistryError('LISTEN_FAILED', `Cannot listen on ${at}: ${states[cause.code ?? ''] ?? cause.message}`, {
    cause,
    ...hint,
  })
}
