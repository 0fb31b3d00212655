import { dirname, join } from 'node:path'
import type { GraphDriver, ImageDetails } from '@tsbuild/core'
import { familiarReference, parseReference } from '@tsbuild/spec'

/** An image as `docker image inspect` shows it. */
export function imageShape(image: ImageDetails) {
  const { id, digest, names, repoDigests, config, manifest, sizeBytes, graphDriver } = image
  const variant = config.variant === undefined ? {} : { Variant: config.variant }
  return {
    Id: id,
    RepoTags: names
      .map(parseReference)
      .filter(({ tag }) => tag !== undefined)
      .map(({ digest: _, ...rest }) => familiarReference(rest)),
    RepoDigests: repoDigests,
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? '',
    Author: config.author ?? '',
    Config: config.config ?? {},
    Architecture: config.architecture,
    ...variant,
    Os: config.os,
    Size: sizeBytes,
    GraphDriver: driverShape(graphDriver),
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Descriptor: { mediaType: manifest.mediaType ?? '', digest },
  }
}

/** As Docker shows overlay2: an image's own layer is the upper directory. `MergedDir` and `WorkDir` are where a mount of it would be. */
function driverShape({ name, layers }: GraphDriver) {
  const [upper, ...lower] = layers
  if (upper === undefined) return { Name: driverNames[name], Data: null }
  return {
    Name: driverNames[name],
    Data: {
      ...(lower.length === 0 ? {} : { LowerDir: lower.join(':') }),
      MergedDir: join(dirname(upper), 'merged'),
      UpperDir: upper,
      WorkDir: join(dirname(upper), 'work'),
    },
  }
}

/** Docker's names for the same ways of keeping layers. */
const driverNames: Readonly<Record<GraphDriver['name'], string>> = { overlay: 'overlay2', native: 'vfs' }
