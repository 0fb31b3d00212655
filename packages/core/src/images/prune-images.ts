import type { PruneImagesOptions, RemovedImage } from '../api.js'
import { containersUsing } from '../containers/containers-using.js'
import type { EngineParts } from '../engine-parts.js'
import { imageFilter, intermediateImages } from './filter-images.js'
import { collectLeftovers, freeUnreached, resourcesOf } from './free-unreached.js'
import { forget } from './remove-image.js'
import { findImage, type NamedImage, namedImages, shownName } from './stored-images.js'

/** Removes images that nobody needs by name, and what was left over by work that was broken off. */
export async function pruneImages(
  parts: EngineParts,
  { all = false, filter = {}, signal }: PruneImagesOptions,
): Promise<RemovedImage> {
  const call = signal === undefined ? {} : { signal }
  const rows = namedImages(parts)
  const meets = imageFilter(filter, (name) => findImage(parts, name).config)
  const hidden = all ? new Set<NamedImage>() : intermediateImages(rows)
  const chosen = rows.filter(
    (row) =>
      (all || row.reference === undefined) &&
      !hidden.has(row) &&
      meets(row) &&
      containersUsing(parts.store, row.id).length === 0,
  )
  signal?.throwIfAborted()
  const resources = resourcesOf(parts, chosen)
  await forget(parts, chosen)
  const { layers, bytes } = await freeUnreached(parts, resources, call)
  const left = new Set(namedImages(parts).map(({ id }) => id))
  const ids = [...new Set(chosen.map(({ id }) => id))].filter((id) => !left.has(id))
  return {
    untagged: chosen.flatMap((row) => shownName(row) ?? []),
    deleted: [...ids, ...layers],
    reclaimedBytes: bytes + (await collectLeftovers(parts, call)),
  }
}
