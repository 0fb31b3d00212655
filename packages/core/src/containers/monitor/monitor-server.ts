import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { carryError } from '@tsbuild/host'
import type { ContainerRun } from './container-run.js'
import { encodeControl, type Frame, readFrames } from './frames.js'
import type { Outputs } from './outputs.js'
import type { AttachRequest, MonitorReply, MonitorRequest } from './protocol.js'
import { openSocketPath } from './socket-path.js'

const farewellMs = 2000

interface Client {
  readonly socket: Socket
  attached?: AttachRequest
}

/** Answers those who ask a monitor for something, each on a connection of its own, in the container's directory. */
export class MonitorServer {
  /** Settles as the first request to start does. Rejects, too, when its sender goes away before it was made. */
  readonly started: Promise<void>
  readonly #run: ContainerRun
  readonly #outputs: Outputs
  readonly #place: ReturnType<typeof openSocketPath>
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #settleStart: { readonly resolve: (starting: Promise<void>) => void; readonly reject: (error: Error) => void }

  /** This process holds the lock of the container in `directory`. */
  constructor(directory: string, run: ContainerRun, outputs: Outputs) {
    this.#run = run
    this.#outputs = outputs
    this.#place = openSocketPath(directory)
    const settle = { resolve: (_: Promise<void>) => {}, reject: (_: Error) => {} }
    this.started = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }))
    this.started.catch(() => {})
    this.#settleStart = settle
    this.#server = createServer((socket) => void this.#serve(socket))
  }

  async listen(): Promise<void> {
    rmSync(this.#place.path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#place.path, resolve)
    })
  }

  /** Nobody will ask for a start any more. */
  abandon(): void {
    this.#settleStart.reject(new Error('who wanted to start the container went away'))
  }

  /** Tells everyone the end, where there was one, and waits until they know. */
  async close(exitCode: number | undefined): Promise<void> {
    this.#server.close()
    const farewell: MonitorReply | undefined = exitCode === undefined ? undefined : { kind: 'ended', exitCode }
    await Promise.all([...this.#sockets].map((socket) => endSocket(socket, farewell)))
    this.#place[Symbol.dispose]()
  }

  async #serve(socket: Socket): Promise<void> {
    const client: Client = { socket }
    this.#sockets.add(socket)
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
    try {
      for await (const frame of readFrames(socket)) await this.#take(client, frame)
    } catch {
      // Gone, or none of ours.
    }
    this.#sockets.delete(socket)
    if (this.#sockets.size === 0) this.abandon()
    this.#leave(client)
  }

  async #take(client: Client, { kind, payload }: Frame): Promise<void> {
    if (kind === 'stdin') {
      if (client.attached?.stdin) await this.#run.write(payload)
      return
    }
    const request = JSON.parse(payload.toString('utf8')) as MonitorRequest
    if (request.kind === 'resize') return this.#run.resize(request.size)
    if (request.kind === 'endInput') return client.attached?.stdin ? this.#run.endInput() : undefined
    if (request.kind === 'detach') {
      this.#outputs.detach(client.socket)
      delete client.attached
      return
    }
    const reply = await this.#answer(client, request).then(
      (): MonitorReply => ({ kind: 'done' }),
      (error: unknown): MonitorReply => ({ kind: 'failed', error: carryError(error) }),
    )
    client.socket.write(encodeControl(reply))
  }

  async #answer(client: Client, request: Exclude<MonitorRequest, { kind: 'resize' | 'endInput' | 'detach' }>) {
    if (request.kind === 'start') {
      if (request.attach !== undefined) this.#attach(client, request.attach)
      const starting = this.#run.start(request.attach?.size)
      this.#settleStart.resolve(starting)
      return await starting
    }
    await this.started
    switch (request.kind) {
      case 'attach':
        this.#attach(client, request.attach)
        return request.attach.size === undefined ? undefined : this.#run.resize(request.attach.size)
      case 'signal':
        return this.#run.signal(request.number)
      case 'exec':
        return await this.#run.exec(request.request)
      case 'watch':
        return
    }
  }

  #attach(client: Client, request: AttachRequest): void {
    client.attached = request
    this.#outputs.attach(client.socket)
  }

  /** Whoever vanishes with the container's input has closed it. */
  #leave(client: Client): void {
    if (client.attached?.stdin) this.#run.endInput()
    delete client.attached
  }
}

function endSocket(socket: Socket, farewell: MonitorReply | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    // Who has stopped reading must not keep the container's lock.
    const late = setTimeout(() => socket.destroy(), farewellMs)
    socket.once('close', () => {
      clearTimeout(late)
      resolve()
    })
    if (farewell !== undefined) socket.write(encodeControl(farewell))
    // The other end closes its side when it has read the last word.
    socket.end()
  })
}
