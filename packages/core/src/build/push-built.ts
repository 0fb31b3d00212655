import { type AssembledImage, type OnBlobProgress, pushImage } from '@tsbuild/exporter'
import {
  type CallOptions,
  type Descriptor,
  type DiffID,
  type Digest,
  formatReference,
  type Reference,
} from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import type { ImageSource } from '../images/image-source.js'

/** Pushes an image under a name. What the registry has is not sent; what another repository there has is mounted. */
export async function pushBuilt(
  parts: EngineParts,
  built: AssembledImage,
  source: ImageSource,
  reference: Reference,
  options: CallOptions & { readonly onProgress: OnBlobProgress },
): Promise<{ name: string; digest: Digest }> {
  const client = await parts.registry()
  const { digest, layers } = await pushImage(built, source, client, reference, {
    ...options,
    mountFrom: (diffId) => mountSources(parts, diffId, reference),
  })
  await rememberPushed(parts, built, layers, reference)
  return { name: formatReference(reference), digest }
}

/** Repositories of the same registry that a layer's blobs came from or went to. */
function mountSources({ tables }: EngineParts, diffId: DiffID, { registry, repository }: Reference): string[] {
  const sources = tables.blobs(diffId).flatMap((blob) => blob.sources)
  return [...new Set(sources.filter((one) => one.registry === registry).map((one) => one.repository))].filter(
    (one) => one !== repository,
  )
}

async function rememberPushed(
  { tables }: EngineParts,
  { layers }: AssembledImage,
  blobs: readonly Descriptor[],
  { registry, repository }: Reference,
): Promise<void> {
  for (const [index, { mediaType, digest, size }] of blobs.entries()) {
    const diffId = layers[index]?.diffId
    if (diffId !== undefined)
      await tables.addBlob(diffId, { mediaType, digest, size, sources: [{ registry, repository }] })
  }
}
