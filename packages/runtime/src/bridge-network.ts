import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type CarriedError, restoreError, shareLoadGate } from '@tsbuild/host'
import { type CallOptions, hasCode, type ProcessNetwork } from '@tsbuild/spec'
import { asRuntimeError, RuntimeError } from './errors.js'
import type { BoundPort, PortBinding } from './network/ports.js'
import type { Subnet } from './network/subnets.js'

export interface BridgeOptions extends CallOptions {
  /** Ports of the network that the host shows; a client is reset while nothing listens there. */
  readonly publish?: readonly PortBinding[]
  /** Where the compiled worker lies, if not beside this module. */
  readonly workerDir?: string
}

/** A network of one container or step: the outside is reached under the host's address, and the host's loopback is not. It lives until
 * it is disposed or this process ends, however it does. */
export interface BridgeNetwork extends AsyncDisposable {
  readonly network: ProcessNetwork & object
  /** IPv4 address of the processes in it. */
  readonly address: string
  /** The host, as they see it. */
  readonly gateway: string
  readonly prefixLength: number
  readonly ports: readonly BoundPort[]
}

/** What the worker answers. */
export type BridgeReply =
  | {
      readonly kind: 'ready'
      readonly threadId: number
      readonly subnet: Subnet
      readonly ports: readonly BoundPort[]
    }
  | { readonly kind: 'failed'; readonly error: CarriedError }

/** Makes a network namespace with one device, address translation for it, and a proxy for each published port. The namespace and the
 * sockets belong to a thread of this process, so the kernel removes them with it; rules of a process that was killed are removed when
 * the next network of the machine is made. Needs root, `ip`, and iptables or nft.
 * @throws {RuntimeError} `NETWORK_UNAVAILABLE`, which names what is missing, `PORT_UNAVAILABLE` */
export async function openBridgeNetwork({
  publish = [],
  workerDir,
  signal,
}: BridgeOptions = {}): Promise<BridgeNetwork> {
  signal?.throwIfAborted()
  shareLoadGate()
  const worker = new Worker(entryUrl(workerDir), {
    name: 'tsbuild-network',
    execArgv: [],
    env: { PATH: process.env.PATH ?? '' },
    trackUnmanagedFds: false,
    workerData: publish,
  })
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const { threadId, subnet, ports } = await firstReply(worker, ended)
  let failure: unknown
  worker.on('message', (reply: BridgeReply) => {
    if (reply.kind === 'failed') failure = restored(reply.error)
  })
  worker.unref()
  let closing: Promise<void> | undefined
  const close = async () => {
    worker.ref()
    worker.postMessage('close')
    await ended
    if (failure !== undefined) throw failure
  }
  const network: BridgeNetwork = {
    network: { kind: 'namespace', path: `/proc/${process.pid}/task/${threadId}/ns/net` },
    address: subnet.address,
    gateway: subnet.gateway,
    prefixLength: subnet.prefixLength,
    ports,
    [Symbol.asyncDispose]() {
      closing ??= close()
      return closing
    },
  }
  if (signal?.aborted) {
    await network[Symbol.asyncDispose]()
    signal.throwIfAborted()
  }
  return network
}

async function firstReply(worker: Worker, ended: Promise<void>): Promise<BridgeReply & { readonly kind: 'ready' }> {
  let crash: unknown
  const reply = await new Promise<BridgeReply | undefined>((resolve) => {
    worker.once('message', resolve)
    worker.on('error', (error) => {
      crash = error
    })
    void ended.then(() => resolve(undefined))
  })
  if (reply?.kind === 'ready') return reply
  await ended
  if (reply !== undefined) throw restored(reply.error)
  const message = 'Cannot set up network "bridge": its thread ended'
  throw new RuntimeError('NETWORK_UNAVAILABLE', message, crash === undefined ? {} : { cause: crash })
}

/** What was thrown there, as the class that it was. */
function restored(carried: CarriedError): RuntimeError {
  const error = restoreError(carried)
  for (const code of ['NETWORK_UNAVAILABLE', 'PORT_UNAVAILABLE'] as const) {
    if (!hasCode(error, code)) continue
    const { message, cause } = error
    const { hint } = carried.properties
    return new RuntimeError(code, message, { cause, ...(typeof hint === 'string' ? { hint } : {}) })
  }
  return asRuntimeError('NETWORK_UNAVAILABLE', 'Cannot set up network "bridge"', error)
}

function entryUrl(workerDir: string | undefined): URL {
  const entry = new URL('./bridge-network-worker.js', import.meta.url)
  return workerDir === undefined ? entry : new URL(basename(entry.pathname), pathToFileURL(`${workerDir}/`))
}
