import type { Digest } from '@tsbuild/spec'
import type { Store } from '@tsbuild/store'
import { fromStored } from './record.js'

/** A container that was made of an image. */
export interface ImageUser {
  readonly id: string
  readonly name: string
  /** As far as its record says; its monitor may have been killed since. */
  readonly running: boolean
}

/** The containers that were made of the image with this config digest; they keep its layers alive. */
export function containersUsing(store: Pick<Store, 'containers'>, configDigest: Digest): ImageUser[] {
  return store.containers
    .list()
    .map(fromStored)
    .filter(({ imageId }) => imageId === configDigest)
    .map(({ id, name, state }) => ({ id, name, running: state.status === 'running' }))
}
