import { basename } from 'node:path'
import type { CacheBackend, CallOptions } from '@tsbuild/spec'
import type { EngineParts } from '../../engine-parts.js'
import { importMount, type MountExport } from '../mounts/index.js'

/** The cache mounts that imports of one build have. */
export class MountTravel {
  readonly #parts: Pick<EngineParts, 'locks' | 'options'>
  readonly #warn: (message: string) => void
  readonly #mounts = new Map<string, { readonly mount: MountExport; readonly backend: CacheBackend }>()
  readonly maxBytes: number | undefined

  constructor(
    parts: Pick<EngineParts, 'locks' | 'options'>,
    { maxBytes, warn }: { readonly maxBytes: number | undefined; readonly warn: (message: string) => void },
  ) {
    this.#parts = parts
    this.#warn = warn
    this.maxBytes = maxBytes
  }

  add(mounts: readonly MountExport[], backend: CacheBackend): void {
    for (const mount of mounts) if (!this.#mounts.has(mount.name)) this.#mounts.set(mount.name, { mount, backend })
  }

  /** Fills the folder of a mount that is used here for the first time. What goes wrong is told of; the mount begins empty then. */
  async bring(folder: string, { signal }: CallOptions): Promise<void> {
    const name = basename(folder)
    const found = this.#mounts.get(name)
    if (found === undefined) return
    const { locks, options } = this.#parts
    const call = signal === undefined ? {} : { signal }
    const { workerDir } = options
    await using _lock = await locks.acquire(`import mount ${name}`, call)
    try {
      await importMount(found.mount, found.backend, folder, {
        ...call,
        ...(this.maxBytes === undefined ? {} : { maxBytes: this.maxBytes }),
        ...(workerDir === undefined ? {} : { workerDir }),
      })
    } catch (error) {
      signal?.throwIfAborted()
      this.#mounts.delete(name)
      this.#warn(`Cannot import the cache mount "${found.mount.id}": ${(error as Error).message}`)
    }
  }
}
