import type { SnapshotName, SnapshotView } from '@tsbuild/spec'

interface Shared {
  readonly made: Promise<SnapshotView>
  users: number
}

type MakeView = (layers: readonly SnapshotName[], signal: AbortSignal | undefined) => Promise<SnapshotView>

/** Makes one view of a chain for all who want it at the same time; it goes with the last of them. */
export function createSharedViews(make: MakeView): MakeView {
  const all = new Map<string, Shared>()
  const release = async (id: string, shared: Shared) => {
    if (--shared.users > 0) return
    if (all.get(id) === shared) all.delete(id)
    const view = await shared.made.catch(() => undefined)
    await view?.[Symbol.asyncDispose]()
  }
  return async (layers, signal) => {
    signal?.throwIfAborted()
    const id = layers.join(' ')
    // one who gives up must not stop the others, so the copy itself has no signal
    const shared = all.get(id) ?? { made: make(layers, undefined), users: 0 }
    all.set(id, shared)
    shared.users++
    let open = true
    const close = async () => {
      if (!open) return
      open = false
      await release(id, shared)
    }
    try {
      const { mount } = await abortable(shared.made, signal)
      return { mount, [Symbol.asyncDispose]: close }
    } catch (err) {
      void close()
      throw err
    }
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
