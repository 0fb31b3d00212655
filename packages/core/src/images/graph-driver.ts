import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { SnapshotName } from '@tsbuild/spec'
import type { GraphDriver } from '../api.js'
import type { EngineParts } from '../engine-parts.js'

/** Where the layers of an image lie. */
export function graphDriverOf(
  { root, snapshotter }: Pick<EngineParts, 'root' | 'snapshotter'>,
  layers: readonly SnapshotName[],
): GraphDriver {
  const base = layers.length === 0 ? '' : realpathSync(join(root, 'snapshots'))
  // A layer may stand twice in an image; overlayfs refuses that.
  const topmostFirst = [...new Set([...layers].reverse())]
  return { name: snapshotter.kind, layers: topmostFirst.map((name) => join(base, name, 'fs')) }
}
