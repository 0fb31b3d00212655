import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { ProxyTarget } from './tcp-proxy.js'

/** As long as Docker's proxy remembers who asked. */
const idleMs = 90_000
const mostClients = 1024

interface Client {
  readonly socket: Socket
  readonly idle: NodeJS.Timeout
}

/** Makes the outer socket, to be bound in the present network namespace. What comes there is sent on from a socket for each client,
 * which the answers come back to. */
export function openUdpProxy(hostAddress: string, target: ProxyTarget): { readonly socket: Socket; close(): void } {
  const outer = createSocket({ type: isIPv6(hostAddress) ? 'udp6' : 'udp4' })
  const clients = new Map<string, Client>()
  const forget = (key: string) => {
    const client = clients.get(key)
    if (!clients.delete(key) || client === undefined) return
    clearTimeout(client.idle)
    client.socket.close()
  }
  const meet = (key: string, { address, port }: RemoteInfo): Client => {
    const [oldest] = clients.keys()
    if (clients.size >= mostClients && oldest !== undefined) forget(oldest)
    const socket = createSocket('udp4')
    const client = { socket, idle: setTimeout(() => forget(key), idleMs) }
    client.idle.unref()
    socket.on('message', (message) => {
      client.idle.refresh()
      outer.send(message, port, address, () => {})
    })
    socket.on('error', () => forget(key))
    clients.set(key, client)
    return client
  }
  outer.on('message', (message, from) => {
    // Until the network is there, this thread is in the host's, and nothing of that may be reached.
    if (target.address() === '') return
    const key = `${from.address} ${from.port}`
    const client = clients.get(key) ?? meet(key, from)
    client.idle.refresh()
    client.socket.send(message, target.port, target.address(), () => {})
  })
  return {
    socket: outer,
    close() {
      for (const key of [...clients.keys()]) forget(key)
      outer.close()
    },
  }
}
