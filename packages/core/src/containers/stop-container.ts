import { setTimeout as delay } from 'node:timers/promises'
import type { CallOptions } from '@tsbuild/spec'
import type { StopContainerOptions } from '../api/containers.js'
import { signalNumber, stopSignalNumber } from '../signals.js'
import { connectMonitor, MonitorLost } from './monitor-client.js'
import type { ContainerRecord } from './record.js'
import { signalContainer } from './start-container.js'

/** Resolves with the exit code when the container in `directory` has ended; `undefined` when nobody could tell. */
export async function watchContainer(directory: string, { signal }: CallOptions): Promise<number | undefined> {
  signal?.throwIfAborted()
  await using connection = await connectMonitor(directory)
  if (connection === undefined) return undefined
  await connection.request({ kind: 'watch' }).catch((error) => {
    if (!(error instanceof MonitorLost)) throw error
  })
  return await withSignal(connection.ended, signal)
}

/** Asks a running container to end, and kills it when it takes too long. Its lock must not be held: its monitor may want it. */
export async function stopContainer(
  directory: string,
  { id, settings }: ContainerRecord,
  options: StopContainerOptions,
): Promise<void> {
  const { stopSignal, timeoutSeconds = settings.stopTimeoutSeconds, signal } = options
  const number = stopSignal === undefined ? stopSignalNumber(settings.stopSignal) : signalNumber(stopSignal)
  const over = new AbortController()
  const ended = watchContainer(directory, options).finally(() => over.abort())
  const kill = (name: string) =>
    signalContainer(directory, id, name).catch((error) => {
      // It ended by itself.
      if (!over.signal.aborted && error.code !== 'CONTAINER_NOT_RUNNING') throw error
    })
  await Promise.race([kill(String(number)), ended])
  if (timeoutSeconds >= 0) {
    const timer = AbortSignal.any([over.signal, ...(signal === undefined ? [] : [signal])])
    await delay(timeoutSeconds * 1000, undefined, { signal: timer }).catch(() => {})
    signal?.throwIfAborted()
    if (!over.signal.aborted) await kill('SIGKILL')
  }
  await ended
}

function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
