import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { restoreError } from '@tsbuild/host'
import type { TerminalSize } from '@tsbuild/spec'
import type { AttachOptions } from '../api/containers.js'
import { drained } from './monitor/drained.js'
import { encodeControl, encodeFrame, readFrames } from './monitor/frames.js'
import type { MonitorReply, MonitorRequest } from './monitor/protocol.js'
import { openSocketPath } from './monitor/socket-path.js'

type OnOutput = NonNullable<AttachOptions['onOutput']>

/** A connection to a container's monitor. */
export interface MonitorConnection extends AsyncDisposable {
  /** Exit code of the container; `undefined` when the monitor went away without a word. */
  readonly ended: Promise<number | undefined>
  /** Sends the first request and awaits the answer. @throws what went wrong there; {@link MonitorLost} */
  request(message: MonitorRequest): Promise<void>
  write(chunk: Uint8Array): Promise<void>
  endInput(): void
  resize(size: TerminalSize): void
}

/** The monitor ended before it answered. */
export class MonitorLost extends Error {}

/** Connects to the monitor of the container in `directory`; `undefined` where there is none. */
export async function connectMonitor(
  directory: string,
  onOutput: OnOutput = () => {},
): Promise<MonitorConnection | undefined> {
  const socket = await openSocket(directory)
  return socket && connection(socket, onOutput)
}

async function openSocket(directory: string): Promise<Socket | undefined> {
  if (!existsSync(directory)) return undefined
  using place = openSocketPath(directory)
  return await new Promise((resolve, reject) => {
    const socket = connect(place.path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else reject(error)
    })
  })
}

function connection(socket: Socket, onOutput: OnOutput): MonitorConnection {
  socket.on('error', () => {})
  let answer: { resolve(): void; reject(error: unknown): void } | undefined
  let exitCode: number | undefined
  const take = (reply: MonitorReply) => {
    if (reply.kind === 'ended') exitCode = reply.exitCode
    else if (reply.kind === 'done') answer?.resolve()
    else answer?.reject(restoreError(reply.error))
  }
  const read = async () => {
    for await (const { kind, payload } of readFrames(socket)) {
      if (kind === 'stdout' || kind === 'stderr') await onOutput(kind, payload)
      else if (kind === 'control') take(JSON.parse(payload.toString('utf8')) as MonitorReply)
    }
  }
  const ended = read()
    .catch((error: unknown) => {
      socket.destroy()
      // A broken connection is the monitor's end; what `onOutput` threw is the caller's business.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    })
    .then(() => exitCode)
    .finally(() => answer?.reject(new MonitorLost('the monitor ended')))
  ended.catch(() => {})
  const send = (bytes: Buffer) => !socket.destroyed && socket.write(bytes)
  return {
    ended,
    request: (message) =>
      new Promise((resolve, reject) => {
        answer = { resolve, reject }
        send(encodeControl(message))
        if (socket.destroyed) reject(new MonitorLost('the monitor ended'))
      }),
    async write(chunk) {
      if (!send(encodeFrame('stdin', chunk))) await drained(socket)
    },
    endInput: () => void send(encodeControl({ kind: 'endInput' } satisfies MonitorRequest)),
    resize: (size) => void send(encodeControl({ kind: 'resize', size } satisfies MonitorRequest)),
    async [Symbol.asyncDispose]() {
      if (socket.destroyed) return
      send(encodeControl({ kind: 'detach' } satisfies MonitorRequest))
      await new Promise<void>((resolve) => socket.end(resolve))
      socket.destroy()
    },
  }
}
