import type { Server } from 'node:net'
import { RuntimeError } from '../errors.js'
import { openTcpProxy, type ProxyTarget } from './tcp-proxy.js'
import { openUdpProxy } from './udp-proxy.js'

/** A port of a network that the host shall show. */
export interface PortBinding {
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp'
  /** 0: one that is free. */
  readonly hostPort: number
  /** With it, the first free one from `hostPort` to this. */
  readonly hostPortEnd?: number
  /** Default 0.0.0.0, every address of IPv4. */
  readonly hostAddress?: string
}

/** A port that is shown. */
export interface BoundPort {
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp'
  readonly hostPort: number
  readonly hostAddress: string
}

export interface Publication {
  readonly ports: readonly BoundPort[]
  close(): void
}

const everyAddress = '0.0.0.0'

/** Takes the ports, in the calling thread's present network namespace; what comes there is carried on to `address` in the namespace that
 * the thread is in by then. All of them or none.
 * @throws {RuntimeError} `PORT_UNAVAILABLE` */
export async function publishPorts(bindings: readonly PortBinding[], address: () => string): Promise<Publication> {
  const open: { readonly port: BoundPort; close(): void }[] = []
  const close = () => {
    for (const proxy of open.splice(0)) proxy.close()
  }
  try {
    for (const binding of bindings) open.push(await publish(binding, address))
  } catch (error) {
    close()
    throw error
  }
  return { ports: open.map(({ port }) => port), close }
}

async function publish(binding: PortBinding, address: () => string) {
  const { containerPort, protocol, hostPort, hostPortEnd = hostPort, hostAddress = everyAddress } = binding
  const target = { port: containerPort, address }
  for (let candidate = hostPort; ; candidate++) {
    try {
      const proxy = await (protocol === 'tcp' ? listenTcp : listenUdp)(hostAddress, candidate, target)
      return { port: { containerPort, protocol, hostPort: proxy.port, hostAddress }, close: proxy.close }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE' && candidate < hostPortEnd) continue
      throw unavailable(binding, error as NodeJS.ErrnoException)
    }
  }
}

async function listenTcp(host: string, port: number, target: ProxyTarget) {
  const { server, close } = openTcpProxy(target)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, resolve)
  })
  server.removeAllListeners('error').on('error', () => {})
  return { port: portOf(server), close }
}

async function listenUdp(host: string, port: number, target: ProxyTarget) {
  const { socket, close } = openUdpProxy(host, target)
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: host, port, exclusive: true }, resolve)
  }).catch((error: unknown) => {
    close()
    throw error
  })
  socket.removeAllListeners('error').on('error', () => {})
  return { port: socket.address().port, close }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const states: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use',
  EADDRNOTAVAIL: 'the machine does not have that address',
  EACCES: 'permission denied',
}

function unavailable({ hostAddress, hostPort, hostPortEnd = hostPort, protocol }: PortBinding, cause: Error) {
  const host = hostAddress ?? everyAddress
  const ports = hostPortEnd === hostPort ? String(hostPort) : `${hostPort}-${hostPortEnd}`
  const name = `${host.includes(':') ? `[${host}]` : host}:${ports}/${protocol}`
  const { code = '', message } = cause as NodeJS.ErrnoException
  const hint = code === 'EADDRINUSE' ? { hint: 'Choose another port, or end what listens there' } : {}
  return new RuntimeError('PORT_UNAVAILABLE', `Cannot publish port "${name}": ${states[code] ?? message}`, {
    cause,
    ...hint,
  })
}
