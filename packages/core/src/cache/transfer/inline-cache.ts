import type { JsonValue, LayerInfo, SnapshotName } from '@tsbuild/spec'
import { layerFromValue } from '../../ops/layers.js'
import { type CacheDocument, writeCacheDocument } from './cache-document.js'
import type { BuiltCache } from './export-caches.js'
import { travellingRecords } from './travelling-records.js'

/** A layer of an image that carries its cache. */
export interface InlineLayer extends LayerInfo {
  readonly snapshot: SnapshotName
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** The cache of a build as a member of its image's config; the layers are the image's own. It has the steps that made these, and of all
 * others only what their keys are: whoever has the image reads it.
 * @param layers of the image, as they are in the cache */
export async function inlineCache(built: BuiltCache, layers: readonly InlineLayer[]): Promise<JsonValue> {
  const records = await travellingRecords(built, new Set(layers.map(({ snapshot }) => snapshot)))
  // Base images are found by their own means, and their layers have names of this root only.
  const made = new Set(records.map(({ value }) => layerFromValue(value)))
  const document: CacheDocument = {
    records,
    layers: layers
      .filter(({ snapshot }) => made.has(snapshot))
      .map(({ snapshot, diffId, size, createdAt }) => ({ name: snapshot, diffId, size, createdAt })),
    digests: built.imported.used,
    mounts: [],
  }
  return writeCacheDocument(document)
}
