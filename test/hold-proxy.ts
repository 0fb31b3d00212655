import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A registry as seen through a slow line. */
export interface HoldProxy extends AsyncDisposable {
  readonly host: string
  /** `METHOD /path` and the range that was asked for, in order. */
  readonly requests: string[]
  /** Blobs stop after this many bytes, until it is undefined. */
  holdAfter: number | undefined
}

/** Passes everything on to a registry; while `holdAfter` is set, bodies of blobs come to a halt and stay open. */
export async function startHoldProxy(port: number): Promise<HoldProxy> {
  const server = createServer((incoming, response) => {
    const { method = 'GET', url: path = '/', headers } = incoming
    proxy.requests.push(`${method} ${path}${headers.range === undefined ? '' : ` ${headers.range}`}`)
    const outgoing = request({ port, host: '127.0.0.1', method, path, headers, agent: false })
    outgoing.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      if (method !== 'GET' || !path.includes('/blobs/') || proxy.holdAfter === undefined) answer.pipe(response)
      else hold(answer, response, proxy.holdAfter)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: HoldProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    holdAfter: undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}

/** Passes the first bytes on; only a body that has no more comes to its end. */
function hold(from: IncomingMessage, to: ServerResponse, limit: number): void {
  let seen = 0
  from.on('data', (chunk: Buffer) => {
    to.write(chunk.subarray(0, Math.max(0, limit - seen)))
    seen += chunk.length
  })
  from.on('end', () => seen <= limit && to.end())
}

/** Resolves when so many bytes of one blob have come into a root folder, or when that takes suspiciously long. */
export async function received(root: string, bytes: number): Promise<void> {
  const directory = join(root, 'ingest')
  for (let count = 0; count < 5_000; count++) {
    const names = await readdir(directory).catch(() => [])
    const sizes = await Promise.all(names.map((name) => stat(join(directory, name)).catch(() => undefined)))
    if (sizes.some((file) => (file?.size ?? 0) >= bytes)) return
    await delay(10)
  }
}
