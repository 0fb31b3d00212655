import type { SnapshotName } from '@tsbuild/spec'
import type { Lease, Leases } from '@tsbuild/store'

/** Keeps the layers that running builds work with from being collected, by whatever process, until the last of these builds has ended.
 *
 * `enter` at a build's begin → `note` what it has found in the cache, which costs nothing → `hold` before layers are used. */
export class LayerHold {
  readonly #leases: Leases
  /** Found, and not written down yet: a build that only hits never writes. */
  #noted = new Set<SnapshotName>()
  readonly #held = new Set<SnapshotName>()
  #lease: Lease | undefined
  #writing: Promise<void> = Promise.resolve()
  #builds = 0

  constructor(leases: Leases) {
    this.#leases = leases
  }

  enter(): AsyncDisposable {
    this.#builds++
    return {
      [Symbol.asyncDispose]: async () => {
        if (--this.#builds === 0) await this.#release()
      },
    }
  }

  note(layers: readonly SnapshotName[]): void {
    for (const layer of layers) if (!this.#held.has(layer)) this.#noted.add(layer)
  }

  /** Resolves when every collector sees that these layers, and those noted before, are used. They may have gone before: look again.
   *  @param made layers that are about to be made */
  async hold(layers: readonly SnapshotName[], made: readonly SnapshotName[] = []): Promise<void> {
    this.note(layers)
    if (this.#noted.size > 0 || made.length > 0) {
      const found = [...this.#noted]
      this.#noted = new Set()
      for (const layer of found) this.#held.add(layer)
      const added = [...found, ...made]
      // One after the other: a lease's row is written as a whole.
      this.#writing = this.#writing
        .catch(() => {})
        .then(() => this.#write(added))
        .catch((error) => {
          // Nobody sees them as held.
          for (const layer of found) if (this.#held.delete(layer)) this.#noted.add(layer)
          throw error
        })
    }
    await this.#writing
  }

  /** Keeps something that is no layer from being taken, by the name that it is leased by. */
  async holdName(name: string): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write([name as SnapshotName]))
    await this.#writing
  }

  /** Forgets the layers for which `isThere` denies it; tells whether there were any. */
  forgetGone(isThere: (layer: SnapshotName) => boolean): boolean {
    const gone = [...this.#noted, ...this.#held].filter((layer) => !isThere(layer))
    for (const layer of gone) {
      this.#noted.delete(layer)
      this.#held.delete(layer)
    }
    return gone.length > 0
  }

  async #write(added: readonly SnapshotName[]): Promise<void> {
    const resources = added.map((name) => ({ kind: 'snapshot', name }) as const)
    if (this.#lease === undefined) this.#lease = await this.#leases.acquire(...resources)
    else await this.#lease.add(...resources)
  }

  async #release(): Promise<void> {
    await this.#writing.catch(() => {})
    // Another build may have begun meanwhile.
    if (this.#builds > 0) return
    const lease = this.#lease
    this.#lease = undefined
    this.#held.clear()
    this.#noted.clear()
    await lease?.[Symbol.asyncDispose]()
  }
}
