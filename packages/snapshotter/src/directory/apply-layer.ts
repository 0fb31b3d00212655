import type { ApplyOptions, ByteStream, LayerInfo, SnapshotName, SnapshotUsage } from '@tsbuild/spec'
import type { LayerFormat } from '../layers/layer.js'
import type { ApplyInput, ApplyResult, CompleteInput } from '../tasks/messages.js'
import { writeLayerRecord } from './records.js'
import type { SnapshotDirectory } from './snapshot-directory.js'

/** Unpacks a layer aside and publishes it when it is whole. */
export async function applyLayer(
  directory: SnapshotDirectory,
  format: LayerFormat,
  name: SnapshotName,
  tar: ByteStream,
  { below, signal }: ApplyOptions,
): Promise<LayerInfo & SnapshotUsage> {
  signal?.throwIfAborted()
  directory.mustNotHave(name)
  // it may fail while the stream is still running; it is looked at after that
  Promise.resolve(below).catch(() => {})
  const target = directory.layout.scratch('apply')
  directory.create(target, name)
  try {
    const input: ApplyInput = { format, target }
    const aborting = signal === undefined ? {} : { signal }
    const { diffId, size, ...rest } = await directory.pool.run<ApplyResult>('apply', input, {
      ...aborting,
      source: tar,
    })
    const layers = await below
    const completing: CompleteInput = {
      ...rest,
      format,
      target,
      ...(layers === undefined ? {} : { below: directory.chain(layers) }),
    }
    const found = await directory.pool.run<SnapshotUsage>('complete', completing, aborting)
    const usage = { bytes: found.bytes, entries: found.entries + (rest.hasRoot ? 1 : 0) }
    writeLayerRecord(target, { ...usage, root: rest.hasRoot })
    directory.publish(target, name)
    return { diffId, size, ...usage }
  } catch (err) {
    await directory.discard(target)
    throw err
  }
}
