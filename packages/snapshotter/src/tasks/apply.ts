import { createHash } from 'node:crypto'
import { hasErrno, openDirectoryTree, type WorkerTask } from '@tsbuild/host'
import { asDiffID, digestFromHex, type SnapshotUsage } from '@tsbuild/spec'
import { type BinaryPath, joinPath, toBinary } from '../binary-path.js'
import { SnapshotError } from '../errors.js'
import { Extractor } from '../extract/extractor.js'
import { createHiding } from '../extract/hiding.js'
import { setAttributes } from '../files/create.js'
import { statFile } from '../files/stat.js'
import { isOpaque, makeWhiteout, markOpaque, readXattrs } from '../files/xattrs.js'
import { dropDeadWhiteouts } from '../layers/dead-whiteouts.js'
import { openLayer, readHidden, writeHidden } from '../layers/layer.js'
import { type MergedDirectory, type MergedEntry, mergeLayers } from '../layers/merged.js'
import { everyHundred, measureTree } from '../layers/usage.js'
import { TarParser } from '../tar/parser.js'
import type { ApplyInput, ApplyResult, CompleteInput } from './messages.js'

/** Unpacks the task's input stream, with the layer's directory as the thread's root. */
export function apply({ format, target }: ApplyInput, task: WorkerTask): ApplyResult {
  const fs = `${toBinary(target)}/fs`
  using root = confine(`${target}/fs`)
  const hiding = createHiding(format, root.confined ? '' : fs)
  const extractor = new Extractor({ root: root.confined ? '' : fs, hiding })
  const parser = new TarParser(extractor)
  const hash = createHash('sha256')
  let size = 0
  try {
    for (let chunk = task.readChunk(); chunk !== undefined; chunk = task.readChunk()) {
      hash.update(chunk)
      size += chunk.length
      parser.write(chunk)
    }
    parser.end()
    extractor.finish()
  } finally {
    extractor.close()
  }
  root[Symbol.dispose]()
  writeHidden(toBinary(target), hiding.hidden)
  const { implied, hasRoot, opaqueRoot } = extractor
  return { diffId: asDiffID(digestFromHex(hash.digest('hex'))), size, implied, hasRoot, opaqueRoot }
}

/** Makes `directory` the thread's root. Where that is not allowed, the extractor's own checks have to do. */
function confine(directory: string): Disposable & { readonly confined: boolean } {
  try {
    const tree = openDirectoryTree(directory)
    tree.enter()
    return { confined: true, [Symbol.dispose]: () => tree[Symbol.dispose]() }
  } catch (err) {
    if (!hasErrno(err, 'EPERM')) throw err
    return { confined: false, [Symbol.dispose]() {} }
  }
}

/** What can only be done when the layers below are known; counts the layer. */
export function complete(input: CompleteInput, task: WorkerTask): SnapshotUsage {
  const target = toBinary(input.target)
  const layers = (input.below ?? []).map((directory) => openLayer(input.format, toBinary(directory)))
  const below = mergeLayers(layers)
  const check = everyHundred(task.throwIfAborted)
  const found = readHidden(target)
  if (input.opaqueRoot) hideAll(input, below, found)
  const layer = { format: input.format, root: `${target}/fs`, hidden: found }
  const hidden = input.below === undefined ? found : dropDeadWhiteouts(layer, below, check)
  if (below !== undefined) {
    for (const path of input.implied) inherit(path, `${target}/fs`, below, hidden)
  }
  const top = layers.at(-1)
  if (!input.hasRoot && top !== undefined) copyAttributes(top.root, `${target}/fs`)
  writeHidden(target, hidden)
  return measureTree(`${target}/fs`, hidden, check)
}

function hideAll(input: CompleteInput, below: MergedDirectory | undefined, hidden: Set<BinaryPath>): void {
  if (input.below === undefined) {
    throw new SnapshotError(
      'SNAPSHOT_UNSUPPORTED',
      'Cannot unpack an opaque root directory: the layers below are not known',
    )
  }
  const root = `${toBinary(input.target)}/fs`
  for (const [name] of below?.entries() ?? []) {
    const path = joinPath(root, name)
    const own = statFile(path)
    if (input.format === 'native') {
      if (own === undefined || own.type === 'directory') hidden.add(name)
    } else if (own === undefined) makeWhiteout(path)
    else if (own.type === 'directory') markOpaque(path)
  }
}

/** Gives a directory that the archive only implied the attributes that it has below, unless the layer hides that. */
function inherit(path: BinaryPath, root: BinaryPath, below: MergedDirectory, hidden: ReadonlySet<BinaryPath>): void {
  let directory: MergedDirectory | undefined = below
  let found: MergedEntry | undefined
  let at = ''
  for (const name of path.split('/')) {
    at = joinPath(at, name)
    if (statFile(`${root}/${at}`)?.type !== 'directory') return
    if (hidden.has(at) || isOpaque(`${root}/${at}`)) return
    found = directory?.lookup(name)
    directory = found?.directory
    if (directory === undefined) return
  }
  if (found !== undefined) copyAttributes(found.path, `${root}/${path}`)
}

function copyAttributes(from: BinaryPath, to: BinaryPath): void {
  const stat = statFile(from)
  if (stat !== undefined) setAttributes(to, { ...stat, xattrs: readXattrs(from) })
}
