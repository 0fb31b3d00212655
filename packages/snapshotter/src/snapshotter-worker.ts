import { serveWorker } from '@tsbuild/host'
import { apply, complete } from './tasks/apply.js'
import { derive, pack, packChain } from './tasks/pack.js'
import { diff, materialise, normalise, remove } from './tasks/trees.js'

serveWorker({ apply, complete, derive, diff, materialise, normalise, pack, packChain, remove })
