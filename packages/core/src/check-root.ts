import { createWorkerPool } from '@tsbuild/host'
import type { Digest } from '@tsbuild/spec'
import { settle } from '@tsbuild/store'
import type { CheckReport, CheckRootOptions } from './api/maintenance.js'
import { checkActives } from './check/check-actives.js'
import { checkContainers } from './check/check-containers.js'
import { checkDeep } from './check/check-deep.js'
import { checkedSnapshots } from './check/checked-snapshots.js'
import type { EngineParts } from './engine-parts.js'
import { layerFromValue } from './ops/layers.js'

/** Checks everything in a root folder; blobs are read in a worker thread. */
export async function checkRoot(parts: EngineParts, options: CheckRootOptions): Promise<CheckReport> {
  const { repair = false, deep = false, signal, onProgress = () => {}, graceMs } = options
  const call = signal === undefined ? {} : { signal }
  const { workerDir } = parts.options
  await using pool = createWorkerPool({
    entry: new URL('./check-worker.js', import.meta.url),
    size: 1,
    name: 'tsbuild-check',
    ...(workerDir === undefined ? {} : { workerDir }),
  })
  const findings = []
  for await (const problem of checkActives(parts)) findings.push(await settle(problem, repair))
  // The deep check comes first: what it takes away is missed by what the others look at.
  if (deep)
    for await (const problem of checkDeep(parts, { ...call, onProgress })) findings.push(await settle(problem, repair))
  const found = await parts.store.check({
    ...call,
    repair,
    onProgress,
    ...(graceMs === undefined ? {} : { graceMs }),
    snapshots: checkedSnapshots(parts),
    layerOf: ({ value }) => layerFromValue(value),
    hashFile: (path, onBytes) =>
      pool.run<Digest | undefined>('digest', path, { ...call, onMessage: (bytes) => onBytes(bytes as number) }),
  })
  findings.push(...found)
  for await (const problem of checkContainers(parts, onProgress)) findings.push(await settle(problem, repair))
  return { findings, clean: findings.every(({ severity, repaired }) => severity === 'leftover' || repaired) }
}
