import { cacheExport } from './cache-export.js'
import { disk } from './disk.js'
import type { Figure } from './figure.js'
import { openStores } from './open.js'

export const figures: readonly Figure[] = [cacheExport, disk, openStores]
export type { Figure, FigurePlace } from './figure.js'
