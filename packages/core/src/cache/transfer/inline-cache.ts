import type { JsonValue, LayerInfo, SnapshotName } from '@tsbuild/spec'
import { type CacheDocument, writeCacheDocument } from './cache-document.js'
import { type BuiltCache, recordsOf } from './export-caches.js'

/** A layer of an image that carries its cache. */
export interface InlineLayer extends LayerInfo {
  readonly snapshot: SnapshotName
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** The cache of a build as a member of its image's config; the layers are the image's own. */
export function inlineCache({ steps, imported }: BuiltCache, layers: readonly InlineLayer[]): JsonValue {
  const document: CacheDocument = {
    records: recordsOf({ steps }),
    layers: layers.map(({ snapshot, diffId, size, createdAt }) => ({ name: snapshot, diffId, size, createdAt })),
    digests: imported.used,
    mounts: [],
  }
  return writeCacheDocument(document)
}
