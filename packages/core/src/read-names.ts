import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openSessionLocks } from '@tsbuild/host'
import { familiarReference, parseReference } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import { isDangling } from './images/image-names.js'
import { lazySessionLocks } from './lazy.js'
import { rootDirectory } from './root-directory.js'

/** Names in a root folder, as people write them. */
export interface RootNames {
  readonly images: readonly string[]
  readonly containers: readonly string[]
}

/** Reads the names of images and containers without making or changing anything, e.g. to complete a command line. */
export async function readNames(root?: string): Promise<RootNames> {
  const directory = rootDirectory(root)
  if (!existsSync(join(directory, 'format.json'))) return { images: [], containers: [] }
  const sessions = lazySessionLocks(() => openSessionLocks(join(directory, 'locks')))
  await using store = await openStore(directory, { sessions, readonly: true })
  const named = store.images.list().filter(({ name }) => !isDangling(name))
  return {
    images: named.map(({ name }) => familiarReference(parseReference(name))),
    containers: store.containers.list().map(({ name }) => name),
  }
}
