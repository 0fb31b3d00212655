import { serveWorker } from '@tsbuild/host'
import { changes, copyUpper } from './tasks/actives.js'
import { apply, complete } from './tasks/apply.js'
import { derive, pack, packChain } from './tasks/pack.js'
import { diff, materialise, normalise, remove, rewrite } from './tasks/trees.js'

serveWorker({
  apply,
  changes,
  complete,
  copyUpper,
  derive,
  diff,
  materialise,
  normalise,
  pack,
  packChain,
  remove,
  rewrite,
})
