import { mkdirSync } from 'node:fs'
import type { WorkerTask } from '@tsbuild/host'
import type { SnapshotUsage } from '@tsbuild/spec'
import { toBinary } from '../binary-path.js'
import { finishDirectory } from '../files/create.js'
import { removeTree } from '../files/remove.js'
import { statFile } from '../files/stat.js'
import { BaselineRecorder, readBaseline } from '../layers/baseline.js'
import { copyFiles, diffTree, linkFile } from '../layers/commit-native.js'
import { normaliseUpper } from '../layers/commit-overlay.js'
import { copyMerged } from '../layers/copy-chain.js'
import { copyUpper } from '../layers/copy-upper.js'
import { openLayer, readHidden, writeHidden } from '../layers/layer.js'
import { mergeLayers } from '../layers/merged.js'
import { mountPointTest } from '../layers/mount-points.js'
import { everyHundred } from '../layers/usage.js'
import type { ChainInput, DiffInput, MaterialiseInput, NormaliseInput, RewriteInput } from './messages.js'

function openChain({ format, layers }: ChainInput) {
  return layers.map((directory) => openLayer(format, toBinary(directory)))
}

export function normalise(input: NormaliseInput, task: Pick<WorkerTask, 'throwIfAborted'>): SnapshotUsage {
  return normaliseUpper(toBinary(input.upper), mergeLayers(openChain(input)), everyHundred(task.throwIfAborted))
}

export function materialise(input: MaterialiseInput, task: WorkerTask): SnapshotUsage {
  const layers = openChain(input)
  const target = toBinary(input.target)
  const recorder = new BaselineRecorder()
  const usage = copyMerged(mergeLayers(layers), target, {
    check: everyHundred(task.throwIfAborted),
    onDirectory: (source, copy) => recorder.add(source, copy),
  })
  const top = layers.at(-1)
  const stat = top && statFile(top.root)
  if (input.root && top && stat) finishDirectory(top.root, stat, target)
  if (input.baseline !== undefined) recorder.save(toBinary(input.baseline))
  return usage
}

export function diff(input: DiffInput, task: WorkerTask): SnapshotUsage {
  const tree = toBinary(input.tree)
  const target = toBinary(input.target)
  mkdirSync(`${input.target}/fs`, { recursive: true, mode: 0o700 })
  const lower = mergeLayers(openChain(input))
  const baseline = readBaseline(toBinary(input.baseline))
  const check = everyHundred(task.throwIfAborted)
  const inUse = input.copy !== undefined
  const take = inUse ? copyFiles() : linkFile
  const isMountPoint = mountPointTest(input.copy?.mountPoints ?? [])
  const { usage, hidden } = diffTree(tree, lower, `${target}/fs`, { baseline, check, take, inUse, isMountPoint })
  const root = statFile(tree)
  if (root !== undefined) finishDirectory(tree, root, `${target}/fs`)
  writeHidden(target, hidden)
  return usage
}

export function rewrite({ source, target, maxMtime }: RewriteInput, task: WorkerTask): null {
  copyUpper(toBinary(`${source}/fs`), toBinary(`${target}/fs`), {
    isMountPoint: () => false,
    check: everyHundred(task.throwIfAborted),
    maxMtime,
  })
  writeHidden(toBinary(target), readHidden(toBinary(source)))
  return null
}

export function remove(path: string): null {
  removeTree(toBinary(path))
  return null
}
