import type {
  Container,
  ContainerListOptions,
  ContainerOptions,
  ContainerStatus,
  ContainerSummary,
  Containers,
  RunContainerOptions,
  RunContainerResult,
} from '../api/containers.js'
import type { Images } from '../api/images.js'
import type { EngineParts } from '../engine-parts.js'
import { createOutputSink } from './collect-output.js'
import { containerFiles } from './container-snapshot.js'
import { createContainer } from './create-container.js'
import { findContainer, shownContainers } from './find-container.js'
import { settle } from './life.js'
import { mountedAt } from './mount-container.js'
import { OpenContainer } from './open-container.js'
import type { ContainerRecord } from './record.js'
import { treeBytes } from './tree-bytes.js'

/** The containers facade over the store's table. */
export class ContainerCatalog implements Containers {
  readonly #parts: EngineParts
  readonly #images: Images

  constructor(parts: EngineParts, images: Images) {
    this.#parts = parts
    this.#images = images
  }

  async create(options: ContainerOptions): Promise<Container> {
    return new OpenContainer(this.#parts, await createContainer(this.#parts, this.#images, options))
  }

  async run({ stdout, stderr, ...options }: RunContainerOptions): Promise<RunContainerResult> {
    const { signal } = options
    const container = await this.create({ commandRequired: true, ...options })
    const sink = createOutputSink({
      ...(stdout === undefined ? {} : { stdout }),
      ...(stderr === undefined ? {} : { stderr }),
    })
    await using attachment = await container.start({ attach: { onOutput: sink.onOutput }, ...(signal && { signal }) })
    const stop = () => void container.stop().catch(() => {})
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted) stop()
    try {
      const exitCode = (await attachment?.ended) ?? 0
      signal?.throwIfAborted()
      return { id: container.id, exitCode, stdout: sink.text('stdout'), stderr: sink.text('stderr') }
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async get(nameOrId: string): Promise<Container> {
    return new OpenContainer(this.#parts, findContainer(this.#parts.store.containers, nameOrId))
  }

  async list({ all = false }: ContainerListOptions = {}): Promise<ContainerSummary[]> {
    const out: ContainerSummary[] = []
    for (const record of shownContainers(this.#parts.store.containers)) {
      const settled = await settle(this.#parts, record)
      if (settled.state.status === 'removing') continue
      if (all || settled.state.status === 'running') out.push({ ...summaryOf(settled), ...this.#mounted(record.id) })
    }
    return out.sort((a, b) => b.createdAt - a.createdAt)
  }

  #mounted(id: string): Pick<ContainerSummary, 'mountedAt'> {
    const path = mountedAt(this.#parts, id)
    return path === undefined ? {} : { mountedAt: path }
  }

  async prune(
    matches: (container: ContainerSummary) => boolean = () => true,
  ): Promise<{ readonly removed: readonly string[]; readonly bytes: number }> {
    const removed: string[] = []
    let bytes = 0
    for (const summary of await this.list({ all: true })) {
      if (summary.status === 'running' || !matches(summary)) continue
      const size = await treeBytes(await containerFiles(this.#parts, summary.id))
      // Somebody else may remove or start it at the same time.
      const done = await new OpenContainer(this.#parts, summary).remove().then(
        () => true,
        (error) => {
          if (!['CONTAINER_NOT_FOUND', 'CONTAINER_RUNNING'].includes(error.code)) throw error
          return false
        },
      )
      if (!done) continue
      removed.push(summary.id)
      bytes += size
    }
    return { removed, bytes }
  }
}

export function summaryOf({ settings, state, ...record }: ContainerRecord): ContainerSummary {
  const { startedAt, finishedAt, exitCode, health, ports } = state
  const published = new Set(
    (ports ?? settings.publish).map(({ containerPort, protocol }) => `${containerPort}/${protocol}`),
  )
  return {
    id: record.id,
    name: record.name,
    image: record.image,
    imageId: record.imageId,
    command: [...settings.entrypoint, ...settings.command],
    createdAt: record.createdAt,
    status: state.status as ContainerStatus,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(health === undefined || state.status !== 'running' ? {} : { health: health.status }),
    ports: ports ?? [],
    exposed: settings.exposed.filter((port) => !published.has(port)),
    labels: settings.labels,
    network: settings.network,
    mounts: settings.mounts,
  }
}
