import type { CgroupLimits } from '@tsbuild/spec'

/** One file of a cgroup, and what is to be written into it. */
export interface Setting {
  readonly file: string
  readonly value: string
  /** Where the file may be missing. */
  readonly optional?: boolean
}

/** A limit: which controller keeps it, and how. */
export interface LimitSetting {
  readonly name: 'pids' | 'memory' | 'cpus'
  readonly controller: 'pids' | 'memory' | 'cpu'
  readonly settings: readonly Setting[]
}

const periodUs = 100_000

/** What the limits are in the files of a cgroup. Of swap there may be as much as of memory, as in Docker. */
export function limitSettings(limits: CgroupLimits, version: 1 | 2): LimitSetting[] {
  const found: LimitSetting[] = []
  const { pids, memoryBytes, cpus } = limits
  if (pids !== undefined) found.push({ name: 'pids', controller: 'pids', settings: [set('pids.max', pids)] })
  if (memoryBytes !== undefined)
    found.push({ name: 'memory', controller: 'memory', settings: memory(memoryBytes, version) })
  if (cpus !== undefined)
    found.push({ name: 'cpus', controller: 'cpu', settings: cpu(Math.round(cpus * periodUs), version) })
  return found
}

function memory(bytes: number, version: 1 | 2): Setting[] {
  if (version === 2) return [set('memory.max', bytes), { ...set('memory.swap.max', bytes), optional: true }]
  return [set('memory.limit_in_bytes', bytes), { ...set('memory.memsw.limit_in_bytes', 2 * bytes), optional: true }]
}

function cpu(quotaUs: number, version: 1 | 2): Setting[] {
  if (version === 2) return [set('cpu.max', `${quotaUs} ${periodUs}`)]
  return [set('cpu.cfs_period_us', periodUs), set('cpu.cfs_quota_us', quotaUs)]
}

function set(file: string, value: number | string): Setting {
  return { file, value: String(value) }
}
