import { mkdir } from 'node:fs/promises'
import type { CallOptions, Mount, Snapshotter } from '@tsbuild/spec'
import type { ChainSource } from './request.js'

/** Shows a chain while `use` runs. A chain without layers is an empty directory. */
export async function withChain<T>(
  source: ChainSource,
  { snapshotter, directory }: { readonly snapshotter: Pick<Snapshotter, 'view'>; readonly directory: string },
  options: CallOptions,
  use: (mount: Mount) => Promise<T>,
): Promise<T> {
  const { signal } = options
  const call = signal === undefined ? {} : { signal }
  const layers = await source.layers(call)
  if (layers.length === 0) {
    await mkdir(directory, { recursive: true })
    return use({ kind: 'bind', source: directory, readonly: true })
  }
  await using view = await snapshotter.view(layers, call)
  return use(view.mount)
}
