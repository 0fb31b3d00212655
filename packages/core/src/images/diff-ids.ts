import type { CallOptions, LayerInfo, SnapshotName, Snapshotter } from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'

/** Digests of layers' tars: each is derived once and remembered. */
export class DiffIds {
  readonly #snapshotter: Snapshotter
  readonly #tables: LayerTables
  readonly #running = new Map<string, Promise<LayerInfo>>()

  constructor(snapshotter: Snapshotter, tables: LayerTables) {
    this.#snapshotter = snapshotter
    this.#tables = tables
  }

  /** Starts deriving while other steps run; a failure shows when the digest is asked for. */
  prefetch(layer: SnapshotName): void {
    this.get(layer).catch(() => {})
  }

  async get(layer: SnapshotName, options: CallOptions = {}): Promise<LayerInfo> {
    const { diffId, sizeBytes: size } = this.#tables.get(layer) ?? {}
    if (diffId !== undefined && size !== undefined) return { diffId, size }
    let running = this.#running.get(layer)
    if (running === undefined) {
      running = this.#derive(layer)
      this.#running.set(layer, running)
      const forget = () => this.#running.delete(layer)
      running.then(forget, forget)
    }
    const info = await running
    options.signal?.throwIfAborted()
    return info
  }

  /** With times cut at `maxMtime` a layer has another digest, which is not kept: it belongs to one output only. */
  async rewritten(layer: SnapshotName, maxMtime: number, options: CallOptions = {}): Promise<LayerInfo> {
    return await this.#snapshotter.derive(layer, { ...options, maxMtime })
  }

  async #derive(layer: SnapshotName): Promise<LayerInfo> {
    const info = await this.#snapshotter.derive(layer)
    const known = this.#tables.get(layer) ?? { ...(await this.#snapshotter.usage(layer)), createdAt: Date.now() }
    await this.#tables.set(layer, { ...known, diffId: info.diffId, sizeBytes: info.size })
    return info
  }
}
