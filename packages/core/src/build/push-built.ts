import {
  type AssembledImage,
  type CompressionOptions,
  type ExportableImage,
  type ExportableIndex,
  type OnBlobProgress,
  pushImage,
  pushIndex,
} from '@tsbuild/exporter'
import { type CallOptions, type DiffID, type Digest, formatReference, type Reference } from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import type { ImageSource } from '../images/image-source.js'
import { mountSources, rememberPushed } from '../images/pushed-blobs.js'

type BuiltPushOptions = CallOptions & CompressionOptions & { readonly onProgress: OnBlobProgress }

/** Pushes an image under a name. What the registry has is not sent; what another repository there has is mounted. */
export async function pushBuilt(
  parts: EngineParts,
  built: AssembledImage,
  source: ImageSource,
  reference: Reference,
  options: BuiltPushOptions,
): Promise<{ name: string; digest: Digest }> {
  const client = await parts.registry()
  const { digest, layers } = await pushImage(built, source, client, reference, {
    ...options,
    mountFrom: (diffId) => mountSources(parts, diffId, reference),
  })
  await rememberPushed(parts, diffIdsOf(built), layers, reference)
  return { name: formatReference(reference), digest }
}

/** The same of an index: its images by their digests, then itself. */
export async function pushBuiltIndex(
  parts: EngineParts,
  index: ExportableIndex,
  reference: Reference,
  options: BuiltPushOptions,
): Promise<{ name: string; digest: Digest }> {
  const client = await parts.registry()
  const { digest, images } = await pushIndex(index, client, reference, {
    ...options,
    mountFrom: (diffId) => mountSources(parts, diffId, reference),
  })
  for (const [at, { image }] of index.images.entries())
    await rememberPushed(parts, diffIdsOf(image), images[at]?.layers ?? [], reference)
  return { name: formatReference(reference), digest }
}

function diffIdsOf({ layers }: ExportableImage): DiffID[] {
  return layers.map(({ diffId }) => diffId)
}
