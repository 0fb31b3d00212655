import { type ByteStream, type CallOptions, hasCode } from '@tsbuild/spec'
import type {
  CommitOptions,
  CommittedImage,
  ContainerChange,
  CopiedFiles,
  CopyFilesOptions,
  FilesDestination,
  FilesSource,
} from '../api/container-files.js'
import type {
  Attachment,
  AttachOptions,
  Container,
  ContainerDetails,
  ExecOptions,
  ExecResult,
  LogEntry,
  LogOptions,
  StartContainerOptions,
  StopContainerOptions,
} from '../api/containers.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { readImage } from '../images/resolve-image.js'
import { checkEntitlements } from './check-options.js'
import { commitContainer } from './commit-container.js'
import { containerChanges, exportContainer } from './container-contents.js'
import { withContainerLock } from './container-locks.js'
import { checkContainerName } from './container-name.js'
import { type ContainerPaths, containerPaths } from './container-paths.js'
import { type CopyContainer, copyIn, copyOut } from './copy-files.js'
import { nameTaken } from './create-container.js'
import { execInContainer, notRunning, requestOf } from './exec-container.js'
import { noContainer } from './find-container.js'
import { withForcedLock } from './forced-lock.js'
import { settle } from './life.js'
import { connectMonitor } from './monitor-client.js'
import { mountContainer, unmountContainer } from './mount-container.js'
import { readLog } from './read-log.js'
import { type ContainerRecord, fromStored } from './record.js'
import { removeContainer } from './remove-container.js'
import { attachContainer, signalContainer, startContainer } from './start-container.js'
import { stopContainer, watchContainer } from './stop-container.js'

/** A container of a root folder, by its id. What it says is looked up each time. */
export class OpenContainer implements Container {
  readonly id: string
  readonly #parts: EngineParts
  readonly #paths: ContainerPaths
  #name: string

  constructor(parts: EngineParts, { id, name }: Pick<ContainerRecord, 'id' | 'name'>) {
    this.#parts = parts
    this.#paths = containerPaths(parts.root, id)
    this.id = id
    this.#name = name
  }

  get name(): string {
    return this.#name
  }

  async inspect(): Promise<ContainerDetails> {
    const record = await this.#load()
    const image = readImage(this.#parts.content, record.manifest.digest)
    if (image === undefined)
      throw new CoreError('IMAGE_NOT_FOUND', `Cannot find image "${record.image}": its config is gone`)
    return { ...record, imageConfig: image.config, logPath: this.#paths.log }
  }

  async start({ attach, signal }: StartContainerOptions = {}): Promise<Attachment | undefined> {
    return await withContainerLock(this.#parts, this.id, signal === undefined ? {} : { signal }, async () => {
      const record = await this.#load()
      if (record.state.status === 'running') return attach && (await this.attach(attach))
      try {
        return await startContainer(this.#parts, record, attach, { exitCode: () => this.#exitCode() })
      } catch (error) {
        if (record.settings.autoRemove) await removeContainer(this.#parts, this.id)
        throw error
      }
    })
  }

  async attach(options: AttachOptions = {}): Promise<Attachment> {
    const { state } = await this.#load()
    if (state.status !== 'running') throw notRunning(this.id)
    return await attachContainer(this.#parts, this.id, options, { exitCode: () => this.#exitCode() })
  }

  exec(args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return execInContainer(this.#parts, () => this.#load(), args, options)
  }

  async execDetached(
    args: readonly string[],
    options: Pick<ExecOptions, 'env' | 'cwd' | 'user' | 'privileged'> = {},
  ): Promise<void> {
    checkEntitlements(options, this.#parts.options.entitlements ?? [])
    await this.#load()
    const connection = await connectMonitor(this.#paths.directory)
    if (connection === undefined) throw notRunning(this.id)
    try {
      await connection.request({ kind: 'exec', request: requestOf(args, options) })
    } finally {
      await connection[Symbol.asyncDispose]()
    }
  }

  async *logs(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    await this.#load()
    const ended = async () => void (await watchContainer(this.#paths.directory, options))
    yield* readLog({ directory: this.#paths.directory, log: this.#paths.log, ended }, options)
  }

  async stop(options: StopContainerOptions = {}): Promise<void> {
    const record = await this.#load()
    if (record.state.status === 'running') await stopContainer(this.#paths.directory, record, options)
  }

  async kill(signal = 'SIGKILL'): Promise<void> {
    await this.#load()
    await signalContainer(this.#paths.directory, this.id, signal)
  }

  async restart(options: StopContainerOptions = {}): Promise<void> {
    await this.stop(options)
    await this.start(options)
  }

  async wait(options: CallOptions = {}): Promise<number> {
    const { state } = await this.#load()
    if (state.status !== 'running') return state.exitCode ?? 0
    return (await watchContainer(this.#paths.directory, options)) ?? (await this.#exitCode())
  }

  async rename(name: string): Promise<void> {
    const checked = checkContainerName(name)
    await this.#load()
    try {
      await this.#parts.store.containers.update(this.id, (row) => ({ ...row, name: checked }))
    } catch (error) {
      throw hasCode(error, 'CONTAINER_EXISTS') ? nameTaken(checked, error) : error
    }
    this.#name = checked
  }

  commit(options: CommitOptions = {}): Promise<CommittedImage> {
    return commitContainer(this.#parts, this.id, () => this.#load(), options)
  }

  copyOut(path: string, destination: FilesDestination, options: CopyFilesOptions = {}): Promise<CopiedFiles> {
    return copyOut(this.#copied(), path, destination, options)
  }

  copyIn(source: FilesSource, path: string, options: CopyFilesOptions = {}): Promise<CopiedFiles> {
    return copyIn(this.#copied(), source, path, options)
  }

  async diff(options: CallOptions = {}): Promise<ContainerChange[]> {
    return await containerChanges(this.#parts, await this.#load(), options)
  }

  export(options: CallOptions = {}): ByteStream {
    return exportContainer(this.#parts, this.id, () => this.#load(), options)
  }

  mount(): Promise<string> {
    return mountContainer(this.#parts, this.id, () => this.#load())
  }

  async unmount(): Promise<boolean> {
    await this.#load()
    return await withContainerLock(this.#parts, this.id, {}, () => unmountContainer(this.#parts, this.id))
  }

  async remove({ force = false }: { readonly force?: boolean } = {}): Promise<void> {
    if (!force) return await withContainerLock(this.#parts, this.id, {}, () => this.#removeStopped())
    await this.#kill()
    const started = await withForcedLock(this.#parts, this.id, async () => {
      const record = await this.#find()
      if (record?.state.status === 'running') return true
      // One that removes itself may be faster.
      if (record !== undefined) await removeContainer(this.#parts, this.id)
      return false
    })
    if (started) await this.remove({ force })
  }

  async #removeStopped(): Promise<void> {
    const { state } = await this.#load()
    if (state.status === 'running') throw running(this.#name)
    await removeContainer(this.#parts, this.id)
  }

  /** Not under the lock, which its monitor may want at its end. */
  async #kill(): Promise<void> {
    const { state, ...record } = await this.#load()
    if (state.status !== 'running') return
    await stopContainer(this.#paths.directory, { ...record, state }, { stopSignal: 'SIGKILL', timeoutSeconds: -1 })
  }

  #copied(): CopyContainer {
    return { parts: this.#parts, id: this.id, load: () => this.#load() }
  }

  async #exitCode(): Promise<number> {
    await this.#find()
    // Also of one that is about to be removed.
    const row = this.#parts.store.containers.get(this.id)
    const state = row && fromStored(row).state
    if (state?.exitCode !== undefined) return state.exitCode
    const message = `Cannot tell the exit code of container "${this.#name}": it was removed when its monitor was killed`
    throw new CoreError('CONTAINER_GONE', message)
  }

  async #load(): Promise<ContainerRecord> {
    const record = await this.#find()
    if (record === undefined) throw noContainer(this.#name)
    return record
  }

  async #find(): Promise<ContainerRecord | undefined> {
    const row = this.#parts.store.containers.get(this.id)
    const record = row && (await settle(this.#parts, fromStored(row)))
    return record?.state.status === 'creating' || record?.state.status === 'removing' ? undefined : record
  }
}

function running(name: string): CoreError {
  return new CoreError('CONTAINER_RUNNING', `Cannot remove container "${name}": it is running`, {
    hint: 'Stop it before, or use force',
  })
}
