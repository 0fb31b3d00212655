import { chmod, chown, mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import {
  type CallOptions,
  type CanonicalValue,
  canonicalDigest,
  digestHex,
  faultPoint,
  type KeyLocks,
  type ProcessMount,
  type Snapshotter,
} from '@tsbuild/spec'
import { CacheMounts } from '../cache/cache-mounts.js'
import type { LazyLayers } from '../cache/transfer/lazy-layers.js'
import type { UseLog } from '../cache/use-log.js'
import { CoreError } from '../errors.js'
import type { ForwardedAgents } from '../ssh/forwarded-agents.js'
import type { LayerHold } from './layer-hold.js'
import type { SolvedChain } from './layers.js'
import { newSnapshotKey } from './names.js'

/** `RUN --mount`, as the graph has it: `input` counts the vertex's inputs (0 is the root file system). */
export type ExecMount =
  | {
      readonly kind: 'bind'
      readonly input: number
      readonly subpath: string
      readonly target: string
      readonly readonly: boolean
    }
  | {
      readonly kind: 'cache'
      readonly id: string
      readonly sharing: 'shared' | 'private' | 'locked'
      /** Where a new cache starts from. */
      readonly input?: number
      readonly subpath: string
      readonly target: string
      readonly readonly: boolean
      readonly mode: number
      readonly uid: number
      readonly gid: number
      /** Begin with an empty cache: a step that ignores the cache makes a cache of given mode or owner anew, as in BuildKit. */
      readonly fresh: boolean
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes?: number }
  | {
      readonly kind: 'secret'
      readonly id: string
      readonly target?: string
      readonly env?: string
      readonly required: boolean
      readonly mode: number
      readonly uid: number
      readonly gid: number
    }
  | {
      readonly kind: 'ssh'
      readonly id: string
      readonly target: string
      readonly required: boolean
      readonly mode: number
      readonly uid: number
      readonly gid: number
    }

/** What of a mount enters the cache key: neither the secret's bytes, nor what a cache holds, nor whose agent it is. */
export function mountKey(mount: ExecMount): CanonicalValue {
  if (mount.kind !== 'cache') return mount as CanonicalValue
  const { fresh: _, ...members } = mount
  return members as CanonicalValue
}

export interface MountContext {
  readonly snapshotter: Snapshotter
  readonly locks: KeyLocks
  /** Folder of `RUN --mount=type=cache` contents. */
  readonly cacheDirectory: string
  readonly cacheMounts: CacheMounts
  readonly useLog: UseLog
  readonly hold: LayerHold
  readonly lazy: LazyLayers
  readonly bringCacheMount: (folder: string, options: CallOptions) => Promise<void>
  readonly secrets: ReadonlyMap<string, Uint8Array>
  readonly ssh: ForwardedAgents
  readonly signal: AbortSignal
}

export interface OpenMounts extends AsyncDisposable {
  readonly mounts: readonly ProcessMount[]
  /** Environment that secrets bring. */
  readonly env: readonly string[]
}

/** Makes a step's mounts ready; disposing it gives them back (locks, views, throw-away copies). */
export async function openMounts(
  mounts: readonly ExecMount[],
  inputs: readonly SolvedChain[],
  context: MountContext,
): Promise<OpenMounts> {
  const stack = new AsyncDisposableList()
  const out: ProcessMount[] = []
  const env: string[] = []
  try {
    // Each once, and all steps in one order, before anything else is opened: no two steps wait for each other.
    for (const name of lockedNames(mounts, inputs)) {
      stack.use(await context.locks.acquire(name, { signal: context.signal }))
    }
    for (const mount of mounts) {
      switch (mount.kind) {
        case 'tmpfs':
          out.push(mount)
          break
        case 'bind':
          out.push(await openBind(mount, inputs[mount.input], context, stack))
          break
        case 'cache':
          out.push(await openCache(mount, inputs, context, stack))
          break
        case 'secret': {
          const data = secretData(mount, context.secrets)
          if (data === undefined) break
          if (mount.env !== undefined) env.push(`${mount.env}=${Buffer.from(data).toString('utf8')}`)
          if (mount.target !== undefined) out.push({ ...mount, target: mount.target, data })
          break
        }
        case 'ssh': {
          const socket = await openAgent(mount, context.ssh)
          if (socket === undefined) break
          out.push({ kind: 'bind', source: stack.use(socket).path, target: mount.target, readonly: true })
          break
        }
      }
    }
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
  return { mounts: out, env, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
}

/** The secrets that a step's mounts name, as far as the build has them. */
export function mountedSecrets(mounts: readonly ExecMount[], secrets: MountContext['secrets']): Uint8Array[] {
  return mounts.flatMap((mount) => (mount.kind === 'secret' ? (secrets.get(mount.id) ?? []) : []))
}

function secretData(mount: ExecMount & { kind: 'secret' }, secrets: MountContext['secrets']): Uint8Array | undefined {
  const data = secrets.get(mount.id)
  if (data === undefined && mount.required) {
    throw new CoreError('OPTION_INVALID', `Cannot mount secret "${mount.id}": secret ${mount.id}: not found`, {
      hint: `Pass it with --secret id=${mount.id},src=FILE`,
    })
  }
  return data
}

/** The step's socket, or undefined where the build forwards no such agent. */
async function openAgent(mount: ExecMount & { kind: 'ssh' }, ssh: ForwardedAgents) {
  const socket = await ssh.open(mount.id, mount)
  if (socket === undefined && mount.required) {
    throw new CoreError('OPTION_INVALID', `Cannot mount ssh "${mount.id}": unset ssh forward key ${mount.id}`, {
      hint: `Pass it with --ssh ${mount.id}`,
    })
  }
  return socket
}

async function openBind(
  mount: ExecMount & { kind: 'bind' },
  input: SolvedChain | undefined,
  { snapshotter, lazy, signal }: MountContext,
  stack: AsyncDisposableList,
): Promise<ProcessMount> {
  const layers = await lazy.present(input?.result.layers ?? [], { signal })
  const { subpath, target, readonly } = mount
  if (readonly) {
    const view = stack.use(await snapshotter.view(layers, { signal }))
    return { kind: 'bind', source: view.mount, subpath, target, readonly }
  }
  const key = newSnapshotKey()
  const source = await snapshotter.prepare(key, layers, { signal })
  stack.defer(() => snapshotter.remove(key))
  return { kind: 'bind', source, subpath, target, readonly }
}

/** Name of a cache's first folder. */
export function cacheName(mount: ExecMount & { kind: 'cache' }, inputs: readonly SolvedChain[]): string {
  const from = mount.input === undefined ? undefined : inputs[mount.input]
  const identity = [mount.id, from?.key ?? null, mount.subpath, mount.mode, mount.uid, mount.gid]
  return digestHex(canonicalDigest(identity)).slice(0, 32)
}

/** The locks of a step's `locked` mounts, in the order in which every step takes them. */
function lockedNames(mounts: readonly ExecMount[], inputs: readonly SolvedChain[]): string[] {
  const names = mounts.flatMap((mount) =>
    mount.kind === 'cache' && mount.sharing === 'locked' ? [`mount-${cacheName(mount, inputs)}`] : [],
  )
  return [...new Set(names)].sort()
}

async function openCache(
  mount: ExecMount & { kind: 'cache' },
  inputs: readonly SolvedChain[],
  context: MountContext,
  stack: AsyncDisposableList,
): Promise<ProcessMount> {
  const from = mount.input === undefined ? undefined : inputs[mount.input]
  const directory = await ownDirectory(cacheName(mount, inputs), mount, context, stack)
  // Before it is looked for: from now on nobody takes it away.
  const folder = basename(directory)
  await context.hold.holdName(CacheMounts.leaseName(folder))
  await context.cacheMounts.note(folder, mount.id)
  await context.useLog.note([folder])
  if (mount.fresh) await setAside(directory)
  else await context.bringCacheMount(directory, { signal: context.signal })
  if ((await mkdir(directory, { recursive: true })) !== undefined) {
    if (from !== undefined) {
      const { signal } = context
      await context.snapshotter.copyChain(await context.lazy.present(from.result.layers, { signal }), directory, {
        signal,
      })
    }
    await chown(join(directory, mount.subpath), mount.uid, mount.gid)
    await chmod(join(directory, mount.subpath), mount.mode)
  }
  const source = from === undefined ? directory : join(directory, mount.subpath)
  return { kind: 'bind', source, target: mount.target, readonly: mount.readonly }
}

/** Takes a cache out of the way of new users; who works in it now keeps it until it is gone. */
async function setAside(directory: string): Promise<void> {
  const aside = `${directory}.${process.pid}-${Date.now()}`
  try {
    faultPoint('cache-mount.trash.before')
    await rename(directory, aside)
    faultPoint('cache-mount.trash.after')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  await rm(aside, { recursive: true, force: true })
}

/** `locked` has had its turn by now, `private` takes the first folder that nobody uses, `shared` just goes in. */
async function ownDirectory(
  name: string,
  { sharing }: ExecMount & { kind: 'cache' },
  { locks, cacheDirectory, signal }: MountContext,
  stack: AsyncDisposableList,
): Promise<string> {
  if (sharing !== 'private') return join(cacheDirectory, name)
  for (let n = 0; ; n++) {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(50)])
    try {
      stack.use(await locks.acquire(`mount-${name}-${n}`, { signal: soon }))
      return join(cacheDirectory, n === 0 ? name : `${name}-${n}`)
    } catch (error) {
      signal.throwIfAborted()
      if (!soon.aborted) throw error
    }
  }
}

/** Node 20 has no AsyncDisposableStack: disposes what was opened, last first. */
class AsyncDisposableList implements AsyncDisposable {
  #items: (() => unknown)[] = []

  use<T extends AsyncDisposable>(item: T): T {
    this.#items.push(() => item[Symbol.asyncDispose]())
    return item
  }

  defer(action: () => unknown): void {
    this.#items.push(action)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const item of this.#items.splice(0).reverse()) await item()
  }
}
