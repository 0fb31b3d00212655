import type { WorkerTask } from '@tsbuild/host'
import { toBinary } from '../binary-path.js'
import { copyUpper as copy } from '../layers/copy-upper.js'
import { openLayer } from '../layers/layer.js'
import { type Change, listChanges } from '../layers/list-changes.js'
import { mergeLayers } from '../layers/merged.js'
import { mountPointTest } from '../layers/mount-points.js'
import { everyHundred } from '../layers/usage.js'
import type { ChangesInput, CopyUpperInput } from './messages.js'

export function copyUpper({ upper, target, mountPoints }: CopyUpperInput, task: WorkerTask): null {
  const check = everyHundred(task.throwIfAborted)
  copy(toBinary(upper), toBinary(target), { isMountPoint: mountPointTest(mountPoints), check })
  return null
}

export function changes({ format, layers, tree, mountPoints }: ChangesInput, task: WorkerTask): Change[] {
  return listChanges(toBinary(tree), {
    format,
    lower: mergeLayers(layers.map((directory) => openLayer(format, toBinary(directory)))),
    isMountPoint: mountPointTest(mountPoints),
    check: everyHundred(task.throwIfAborted),
  })
}
