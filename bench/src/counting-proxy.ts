import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands before a server on loopback and counts what goes through, HTTP's own lines included. */
export interface CountingProxy extends AsyncDisposable {
  /** `localhost:PORT`: the server names itself so in its answers, since clients ask it by this name. */
  readonly host: string
  /** Bytes from clients to the server, so far. */
  readonly sentBytes: number
  /** Bytes from the server to clients, so far. */
  readonly fetchedBytes: number
}

/** Starts one on a free port. Disposing it ends all connections. */
export async function startCountingProxy(target: number): Promise<CountingProxy> {
  const open = new Set<Socket>()
  let [sentBytes, fetchedBytes] = [0, 0]
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    client.on('data', (chunk) => (sentBytes += chunk.length))
    upstream.on('data', (chunk) => (fetchedBytes += chunk.length))
    join(client, upstream)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    get sentBytes() {
      return sentBytes
    },
    get fetchedBytes() {
      return fetchedBytes
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** Each end's half-close is the other's, and its failure ends both. */
function join(client: Socket, upstream: Socket): void {
  client.setNoDelay(true)
  upstream.setNoDelay(true)
  client.pipe(upstream)
  upstream.pipe(client)
  client.once('error', () => upstream.destroy())
  upstream.once('error', () => client.destroy())
}
