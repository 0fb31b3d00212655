import type { Attachment, AttachOptions } from '../api/containers.js'
import { startMonitor } from '../container-monitor.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { signalNumber } from '../signals.js'
import { ensureBindSources } from './bind-sources.js'
import { containerPaths } from './container-paths.js'
import { commandMissing } from './create-container.js'
import { notRunning } from './exec-container.js'
import { endLeftovers } from './life.js'
import type { AttachRequest } from './monitor/protocol.js'
import { connectMonitor, type MonitorConnection } from './monitor-client.js'
import { checkNotMounted } from './mount-container.js'
import type { ContainerRecord } from './record.js'

/** What an attachment asks of its container besides the connection. */
export interface AttachServices {
  /** Exit code of a container that does not run. */
  readonly exitCode: () => Promise<number>
}

/** Starts a monitor for a container that does not run, and the container. Its lock is held.
 * @throws what the start threw; the state tells it, too */
export async function startContainer(
  parts: EngineParts,
  record: ContainerRecord,
  attach: AttachOptions | undefined,
  services: AttachServices,
): Promise<Attachment | undefined> {
  const { id, settings } = record
  if (settings.entrypoint.length + settings.command.length === 0) throw commandMissing(record.image)
  await ensureBindSources(settings.mounts)
  checkNotMounted(parts, record)
  await endLeftovers(parts, id)
  const { workerDir } = parts.options
  const { runtime } = settings
  await startMonitor({
    root: parts.root,
    id,
    snapshotter: parts.snapshotter.kind,
    ...(runtime === undefined ? {} : { runtime }),
    ...(workerDir === undefined ? {} : { workerDir }),
  })
  const { directory } = containerPaths(parts.root, id)
  const connection = await connectMonitor(directory, attach?.onOutput)
  if (connection === undefined) throw new CoreError('CONTAINER_FAILED', `Cannot start container "${id}": no monitor`)
  try {
    await connection.request({ kind: 'start', ...(attach === undefined ? {} : { attach: attachRequest(attach) }) })
  } catch (error) {
    await connection.ended.catch(() => {})
    throw error
  }
  if (attach !== undefined) return attachment(directory, id, connection, services)
  await connection[Symbol.asyncDispose]()
  return undefined
}

/** @throws {CoreError} `CONTAINER_NOT_RUNNING` */
export async function attachContainer(
  parts: EngineParts,
  id: string,
  attach: AttachOptions,
  services: AttachServices,
): Promise<Attachment> {
  const { directory } = containerPaths(parts.root, id)
  const connection = await connectMonitor(directory, attach.onOutput)
  if (connection === undefined) throw notRunning(id)
  await connection.request({ kind: 'attach', attach: attachRequest(attach) })
  return attachment(directory, id, connection, services)
}

function attachRequest({ stdin = false, size }: AttachOptions): AttachRequest {
  return { stdin, ...(size === undefined ? {} : { size }) }
}

function attachment(
  directory: string,
  id: string,
  connection: MonitorConnection,
  { exitCode }: AttachServices,
): Attachment {
  const ended = connection.ended.then((code) => code ?? exitCode())
  ended.catch(() => {})
  return {
    ended,
    write: (chunk) => connection.write(chunk),
    endInput: () => connection.endInput(),
    resize: (size) => connection.resize(size),
    kill: (signal) => signalContainer(directory, id, signal),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

/** @throws {CoreError} `CONTAINER_NOT_RUNNING`, `OPTION_INVALID` */
export async function signalContainer(directory: string, id: string, signal: string): Promise<void> {
  const number = signalNumber(signal)
  const connection = await connectMonitor(directory)
  if (connection === undefined) throw notRunning(id)
  try {
    await connection.request({ kind: 'signal', number })
  } catch (error) {
    throw notRunning(id, error)
  } finally {
    await connection[Symbol.asyncDispose]()
  }
}
