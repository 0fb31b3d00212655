import { join } from 'node:path'
import { createKeyLocks, currentBootId, openSessionLocks, probeNamespaces, probeOverlay } from '@tsbuild/host'
import { createNativeSnapshotter, createOverlaySnapshotter } from '@tsbuild/snapshotter'
import type { KeyLocks, Runtime, SessionLocks, Snapshotter } from '@tsbuild/spec'
import { openStore, type Store } from '@tsbuild/store'
import type { EngineInfo, EngineOptions } from './api.js'
import type { EngineParts } from './engine-parts.js'
import { CoreError } from './errors.js'
import { createFileEngine } from './file-engine.js'
import { DiffIds } from './images/diff-ids.js'
import { ImageLayers } from './images/image-layers.js'
import { lazy, lazySessionLocks } from './lazy.js'
import { rootDirectory } from './root-directory.js'
import { sweepDeadSessions } from './sweep.js'

export interface OpenParts extends EngineParts, AsyncDisposable {
  info(): Promise<EngineInfo>
}

/** Opens what an engine is made of. Costs one database open: locks, workers, runtime and registry come with their first use. */
export async function openParts(options: EngineOptions): Promise<OpenParts> {
  const root = rootDirectory(options.root)
  const locksDirectory = join(root, 'locks')
  const sessions = lazySessionLocks(() => openSessionLocks(locksDirectory))
  const store = await openStore(root, { sessions })
  try {
    return await assemble(root, options, store, sessions)
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}

async function assemble(
  root: string,
  options: EngineOptions,
  store: Store,
  sessions: SessionLocks,
): Promise<OpenParts> {
  const worker = options.workerDir === undefined ? {} : { workerDir: options.workerDir }
  const snapshots = join(root, 'snapshots')
  const contexts = join(root, 'contexts')
  const choice = await chooseSnapshotter(store, snapshots, options)
  const init = { directory: snapshots, session: () => sessions.session, ...worker }
  const snapshotter = choice.kind === 'overlay' ? createOverlaySnapshotter(init) : createNativeSnapshotter(init)
  const locks = lazyKeyLocks(join(root, 'locks'))
  const registry = lazy(async () => {
    const { createRegistryClient } = await import('@tsbuild/registry')
    return createRegistryClient(options.registry ?? {})
  })
  const runtime = lazy(async () => createRuntime(root, options))
  const files = createFileEngine({
    metadata: store.metadata,
    snapshotter,
    downloads: join(root, 'downloads'),
    ...worker,
  })
  const sweep = lazy(() => sweepDeadSessions({ sessions, snapshotter, contexts }))
  const { content, images: names, layers: tables } = store
  const images = new ImageLayers({ content, layers: tables, snapshotter, registry })
  return {
    root,
    store,
    content,
    names,
    tables,
    snapshotter,
    locks,
    files,
    images,
    diffIds: new DiffIds(snapshotter, tables),
    cacheDirectory: join(root, 'cache-mounts'),
    contextsDirectory: () => join(contexts, sessions.session),
    registry,
    runtime,
    beforeWrite: sweep,
    async info() {
      const namespaces = await probeNamespaces(worker)
      return {
        root,
        snapshotter: { kind: choice.kind, ...(choice.missing === undefined ? {} : { missing: choice.missing }) },
        runtime: { kind: options.runtime ?? 'native', ...(namespaces.works ? {} : { missing: namespaces.reason }) },
      }
    },
    async [Symbol.asyncDispose]() {
      await sweep.made()
      await files[Symbol.asyncDispose]()
      await (await runtime.made())?.[Symbol.asyncDispose]()
      await (await registry.made())?.[Symbol.asyncDispose]()
      await snapshotter[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await sessions[Symbol.asyncDispose]()
    },
  }
}

interface Choice {
  readonly kind: Snapshotter['kind']
  readonly missing?: string
}

/** Overlay where it can be mounted. The answer holds for this boot and is remembered, since asking costs a worker. */
async function chooseSnapshotter(
  store: Store,
  directory: string,
  { snapshotter = 'auto', workerDir }: EngineOptions,
): Promise<Choice> {
  if (snapshotter !== 'auto') return { kind: snapshotter }
  const table = store.metadata.table<{ readonly kind: string; readonly boot: string; readonly missing?: string }>(
    'snapshotter',
  )
  const boot = currentBootId()
  const known = table.get(directory)
  if (known?.boot === boot) {
    return {
      kind: known.kind === 'overlay' ? 'overlay' : 'native',
      ...(known.missing === undefined ? {} : { missing: known.missing }),
    }
  }
  const { mkdir } = await import('node:fs/promises')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const probe = await probeOverlay(directory, workerDir === undefined ? {} : { workerDir })
  const choice: Choice = probe.works
    ? { kind: 'overlay' }
    : { kind: 'native', missing: `overlayfs cannot be mounted there: ${probe.reason}` }
  await table.put(directory, { ...choice, boot })
  return choice
}

async function createRuntime(
  root: string,
  { runtime = 'native', launcher = 'auto', workerDir }: EngineOptions,
): Promise<Runtime> {
  const { createNativeRuntime, createOciRuntime } = await import('@tsbuild/runtime')
  const stateDir = join(root, 'run')
  const worker = workerDir === undefined ? {} : { workerDir }
  if (runtime === 'native') {
    return createNativeRuntime({ transport: launcher, stateDir, ...worker })
  }
  if (runtime === 'oci') return createOciRuntime({ stateDir, ...worker })
  if (runtime === '') throw new CoreError('OPTION_INVALID', 'Cannot use runtime "": it has no name')
  return createOciRuntime({ program: runtime, stateDir, ...worker })
}

function lazyKeyLocks(directory: string): KeyLocks {
  const locks = lazy(() => createKeyLocks(directory))
  return { acquire: (name, options) => locks().acquire(name, options) }
}
