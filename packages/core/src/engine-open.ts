import { join } from 'node:path'
import { createKeyLocks, currentBootId, openSessionLocks, probeNamespaces, probeOverlay } from '@tsbuild/host'
import { createNativeSnapshotter, createOverlaySnapshotter } from '@tsbuild/snapshotter'
import type { KeyLocks, Runtime, SessionLocks, Snapshotter } from '@tsbuild/spec'
import { openStore, type Store } from '@tsbuild/store'
import type { EngineInfo, EngineOptions } from './api.js'
import { CacheMounts } from './cache/cache-mounts.js'
import { UseLog } from './cache/use-log.js'
import type { EngineParts } from './engine-parts.js'
import { CoreError } from './errors.js'
import { createFileEngine } from './file-engine.js'
import { DiffIds } from './images/diff-ids.js'
import { ImageLayers } from './images/image-layers.js'
import { lazy, lazySessionLocks } from './lazy.js'
import { LayerHold } from './ops/layer-hold.js'
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
  const useLog = new UseLog(store.metadata)
  const cacheDirectory = join(root, 'cache-mounts')
  const choice = await chooseSnapshotter(store, snapshots, options)
  const openSnapshotter = (session: string | (() => string)) => {
    const init = { directory: snapshots, session, ...worker }
    return choice.kind === 'overlay' ? createOverlaySnapshotter(init) : createNativeSnapshotter(init)
  }
  const snapshotter = openSnapshotter(() => sessions.session)
  const locks = lazyKeyLocks(join(root, 'locks'))
  const registry = lazy(async () => {
    const [{ createRegistryClient }, { clientOptions }] = await Promise.all([
      import('@tsbuild/registry'),
      import('./registries/client-options.js'),
    ])
    return createRegistryClient(await clientOptions(options.registry))
  })
  const runtime = lazy(async () => createRuntime(root, options))
  const files = createFileEngine({
    metadata: store.metadata,
    snapshotter,
    downloads: join(root, 'downloads'),
    listings: join(root, 'listings'),
    ...worker,
  })
  const sweepNow = () =>
    sweepDeadSessions({
      root,
      sessions,
      snapshotter,
      contexts,
      cacheDirectory,
      containers: store.containers,
      locks,
      openSnapshotter,
      ...worker,
    })
  const sweep = lazy(sweepNow)
  const { content, images: names, layers: tables } = store
  const images = new ImageLayers({ content, layers: tables, snapshotter, locks, registry })
  return {
    root,
    store,
    content,
    names,
    tables,
    snapshotter,
    openSnapshotter,
    options,
    locks,
    sessions,
    sweep: sweepNow,
    files,
    images,
    diffIds: new DiffIds(snapshotter, tables),
    hold: new LayerHold(store.leases),
    cacheDirectory,
    cacheMounts: new CacheMounts(cacheDirectory, store),
    useLog,
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
      await useLog.settled()
      await files[Symbol.asyncDispose]()
      await (await runtime.made())?.[Symbol.asyncDispose]()
      // One that could not be made has told so already.
      await (await registry.made()?.catch(() => undefined))?.[Symbol.asyncDispose]()
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
