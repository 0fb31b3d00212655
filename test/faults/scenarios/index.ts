import type { Scenario } from '../scenario.js'
import { build, buildArchive, buildParts } from './builds.js'
import { exportCache, importCache } from './caches.js'
import { commit, removeContainer, run } from './containers.js'
import { load, pruneImages, remove, save, saveDirectory } from './images.js'
import { newRoot, pruneCache, repair } from './storage.js'
import { pull, pullAgain, pullRest, push } from './transfers.js'

/** All work that is killed. */
export const scenarios: readonly Scenario[] = [
  build,
  buildArchive,
  buildParts,
  load,
  save,
  saveDirectory,
  remove,
  pruneImages,
  pull,
  pullRest,
  pullAgain,
  push,
  exportCache,
  importCache,
  pruneCache,
  repair,
  newRoot,
  run,
  removeContainer,
  commit,
]
