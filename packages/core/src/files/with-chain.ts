import { mkdir } from 'node:fs/promises'
import type { CallOptions, Mount, Snapshotter } from '@tsbuild/spec'
import type { ChainSource } from './request.js'

/** Shows a chain while `use` runs. A chain without layers is an empty directory. */
export async function withChain<T>(
  { layers }: ChainSource,
  { snapshotter, directory }: { readonly snapshotter: Pick<Snapshotter, 'view'>; readonly directory: string },
  { signal }: CallOptions,
  use: (mount: Mount) => Promise<T>,
): Promise<T> {
  if (layers.length === 0) {
    const source = directory
    await mkdir(source, { recursive: true })
    return use({ kind: 'bind', source, readonly: true })
  }
  await using view = await snapshotter.view(layers, signal === undefined ? {} : { signal })
  return use(view.mount)
}
