import { createHash } from 'node:crypto'
import type { WorkerTask } from '@tsbuild/host'
import { asDiffID, digestFromHex, type LayerInfo } from '@tsbuild/spec'
import { toBinary } from '../binary-path.js'
import { openLayer } from '../layers/layer.js'
import { mergeLayers } from '../layers/merged.js'
import { everyHundred } from '../layers/usage.js'
import { packLayer, packMerged } from '../pack/pack-tree.js'
import { type ChunkSink, TarOutput } from '../pack/tar-output.js'
import type { PackChainInput, PackLayerInput } from './messages.js'

const chunkBytes = 1 << 20

/** Sends a layer's tar in chunks of 1 MiB. */
export function pack(input: PackLayerInput, task: WorkerTask): null {
  writeLayer(input, streamTo(task), task)
  return null
}

/** Digest and size of the same, with one buffer. */
export function derive(input: PackLayerInput, task: WorkerTask): LayerInfo {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafeSlow(chunkBytes)
  const sink: ChunkSink = {
    next: () => buffer,
    take(chunk) {
      task.throwIfAborted()
      hash.update(chunk)
    },
  }
  const size = writeLayer(input, sink, task)
  return { diffId: asDiffID(digestFromHex(hash.digest('hex'))), size }
}

/** Sends a merged chain's tar. */
export function packChain({ format, layers, maxMtime }: PackChainInput, task: WorkerTask): null {
  const chain = mergeLayers(layers.map((directory) => openLayer(format, toBinary(directory))))
  const out = new TarOutput(streamTo(task))
  packMerged(chain, out, { maxMtime, check: everyHundred(task.throwIfAborted) })
  out.end()
  return null
}

function writeLayer({ format, directory, root, maxMtime }: PackLayerInput, sink: ChunkSink, task: WorkerTask): number {
  const out = new TarOutput(sink)
  packLayer(openLayer(format, toBinary(directory)), root, out, { maxMtime, check: everyHundred(task.throwIfAborted) })
  out.end()
  return out.size
}

function streamTo(task: WorkerTask): ChunkSink {
  return { next: () => Buffer.allocUnsafeSlow(chunkBytes), take: (chunk) => task.writeChunk(chunk) }
}
