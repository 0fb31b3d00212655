import type { Lease, LeaseResource } from '@tsbuild/store'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { readImage } from './resolve-image.js'
import type { NamedImage } from './stored-images.js'

type Held = Pick<NamedImage, 'descriptor' | 'manifest' | 'config'>

/** Keeps an image that was found from being removed while it is used, also by other processes.
 * @throws {CoreError} `IMAGE_NOT_FOUND` when it has gone since it was found */
export async function holdImage(
  { store, images, content }: Pick<EngineParts, 'store' | 'images' | 'content'>,
  { descriptor, manifest, config }: Held,
  shown: string,
): Promise<Lease> {
  const layers = images.snapshotsOf(config.rootfs.diff_ids)
  const blobs = [descriptor, manifest.config, ...manifest.layers]
  const lease = await store.leases.acquire(
    ...blobs.map(({ digest }): LeaseResource => ({ kind: 'blob', digest })),
    ...(layers ?? []).map((name): LeaseResource => ({ kind: 'snapshot', name })),
  )
  const there = readImage(content, descriptor.digest) !== undefined
  if (there && (layers === undefined || images.snapshotsOf(config.rootfs.diff_ids) !== undefined)) return lease
  await lease[Symbol.asyncDispose]()
  throw new CoreError('IMAGE_NOT_FOUND', `Cannot use image "${shown}": it was removed just now`)
}
