import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckedSnapshots } from '@tsbuild/store'
import type { EngineParts } from '../engine-parts.js'

/** The snapshots of a root folder, for the store's check. */
export function checkedSnapshots({ root, snapshotter }: Pick<EngineParts, 'root' | 'snapshotter'>): CheckedSnapshots {
  const directory = (name: string) => join(root, 'snapshots', name)
  return {
    list: () => snapshotter.list(),
    isWhole: (name) => snapshotter.has(name) && existsSync(join(directory(name), 'layer.json')),
    changedAt: async (name) => (await stat(directory(name))).ctimeMs,
    take: (name) => snapshotter.takeAway(name),
  }
}
