import { mkdirSync } from 'node:fs'
import type { Mount, SnapshotName, SnapshotUsage } from '@tsbuild/spec'
import type { DiffInput, MaterialiseInput } from '../tasks/messages.js'
import { publishUpper } from './publish-upper.js'
import { writeLayerRecord } from './records.js'
import { createSharedViews } from './shared-views.js'
import type { SnapshotDirectory } from './snapshot-directory.js'
import type { CommitRequest, Strategy } from './strategy.js'

/** Shows chains as full copies: works on every file system and without the privilege to mount. */
export function nativeStrategy(directory: SnapshotDirectory): Strategy {
  const { layout, pool } = directory
  const copy = async (layers: readonly SnapshotName[], path: string, baseline: boolean, signal?: AbortSignal) => {
    if (layers.length === 0) return
    const input: MaterialiseInput = {
      format: 'native',
      layers: directory.chain(layers),
      target: `${path}/fs`,
      root: true,
      ...(baseline ? { baseline: `${path}/baseline` } : {}),
    }
    await pool.run('materialise', input, signal === undefined ? {} : { signal })
  }
  const views = createSharedViews(async (layers, signal) => {
    const path = layout.scratch('view')
    directory.create(path, 'view')
    try {
      await copy(layers, path, false, signal)
    } catch (err) {
      await directory.discard(path)
      throw err
    }
    const mount: Mount = { kind: 'bind', source: `${path}/fs`, readonly: true }
    return { mount, [Symbol.asyncDispose]: () => directory.discard(path) }
  })
  const mount = (active: string): Mount => ({ kind: 'bind', source: `${active}/fs`, readonly: false })
  return {
    kind: 'native',
    async prepare(_key, active, layers, signal) {
      await copy(layers, active, true, signal)
      return mount(active)
    },
    mount,
    view: views,
    commit: (request) =>
      request.chain.length === 0 ? publishUpper(directory, 'native', request) : publishDiff(directory, request),
  }
}

async function publishDiff(directory: SnapshotDirectory, request: CommitRequest): Promise<SnapshotUsage> {
  const { active, chain, name, rootChanged, signal } = request
  const target = `${active}/layer`
  // left by a commit that was stopped
  await directory.discard(target)
  mkdirSync(target, 0o700)
  const input: DiffInput = {
    format: 'native',
    layers: chain,
    tree: `${active}/fs`,
    target,
    baseline: `${active}/baseline`,
  }
  const found = await directory.pool.run<SnapshotUsage>('diff', input, signal === undefined ? {} : { signal })
  const usage = { bytes: found.bytes, entries: found.entries + (rootChanged ? 1 : 0) }
  writeLayerRecord(target, { ...usage, root: rootChanged })
  directory.publish(target, name)
  await directory.discard(active)
  return usage
}
