import type { CallOptions, SnapshotName } from '@tsbuild/spec'
import type { Lease, LeaseResource } from '@tsbuild/store'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import type { CommittedImage } from './output-image.js'

/** Keeps what an image consists of until it has its name: an equal one may be removed at this very moment.
 * @throws {CoreError} `IMAGE_NOT_FOUND` when a layer has gone already */
export async function keepBuilt(
  { store, content, snapshotter }: EngineParts,
  { built }: CommittedImage,
  layers: readonly SnapshotName[],
  call: CallOptions,
): Promise<Lease> {
  const { manifest, configBytes, descriptor, manifestBytes } = built
  const blobs = [manifest.config, descriptor].map(({ digest }): LeaseResource => ({ kind: 'blob', digest }))
  const lease = await store.leases.acquire(
    ...blobs,
    ...layers.map((name): LeaseResource => ({ kind: 'snapshot', name })),
  )
  try {
    // Nothing is written where they are there still.
    await content.writeBlob(manifest.config, configBytes, call)
    await content.writeBlob(descriptor, manifestBytes, call)
    if (layers.every((layer) => snapshotter.has(layer))) return lease
    throw new CoreError('IMAGE_NOT_FOUND', 'Cannot name the image: what it was built on was removed just now', {
      hint: 'Build again',
    })
  } catch (error) {
    await lease[Symbol.asyncDispose]()
    throw error
  }
}
