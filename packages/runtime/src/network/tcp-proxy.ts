import { connect, createServer, type Server, type Socket } from 'node:net'

const keepAliveMs = 60_000

/** Where a published port leads; the target is known once the network is there. */
export interface ProxyTarget {
  readonly port: number
  readonly address: () => string
}

/** Listens in the thread's present network namespace. Connections are carried on into the one that the thread is in by then: bytes and
 * ends each way at the pace of the slower side. A client whose target does not answer is reset. */
export function openTcpProxy(target: ProxyTarget): { readonly server: Server; close(): void } {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const host = target.address()
    // Until the network is there, this thread is in the host's, and nothing of that may be reached.
    if (host === '') return void client.on('error', () => {}).resetAndDestroy()
    const inner = connect({ host, port: target.port, allowHalfOpen: true, noDelay: true })
    client.setKeepAlive(true, keepAliveMs)
    join(client, inner)
    for (const socket of [client, inner]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    }
    inner.once('connect', () => {
      client.pipe(inner)
      inner.pipe(client)
    })
  })
  return {
    server,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** When one side breaks, the other one sees that. */
function join(a: Socket, b: Socket): void {
  for (const [socket, other] of [
    [a, b],
    [b, a],
  ] as const) {
    socket.on('error', () => other.resetAndDestroy())
    socket.on('close', (failed) => {
      if (!failed && !socket.readableEnded) other.resetAndDestroy()
    })
  }
}
