import type { Descriptor, DiffID, Reference } from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'

/** Repositories of the same registry that a layer's blobs came from or went to. */
export function mountSources(
  { tables }: Pick<EngineParts, 'tables'>,
  diffId: DiffID,
  { registry, repository }: Reference,
): string[] {
  const sources = tables.blobs(diffId).flatMap((blob) => blob.sources)
  return [...new Set(sources.filter((one) => one.registry === registry).map((one) => one.repository))].filter(
    (one) => one !== repository,
  )
}

/** Keeps in mind that a repository has these blobs now. */
export async function rememberPushed(
  { tables }: Pick<EngineParts, 'tables'>,
  diffIds: readonly DiffID[],
  blobs: readonly Descriptor[],
  { registry, repository }: Reference,
): Promise<void> {
  for (const [index, { mediaType, digest, size }] of blobs.entries()) {
    const diffId = diffIds[index]
    if (diffId !== undefined)
      await tables.addBlob(diffId, { mediaType, digest, size, sources: [{ registry, repository }] })
  }
}
