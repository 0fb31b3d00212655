import type { CgroupLimits } from '@tsbuild/spec'
import { refused } from '../step-limits.js'

const periodUs = 100_000

/** The limits of a cgroup as the OCI runtime spec has them (config-linux.md "Control groups"). Of swap there may be as much as of
 * memory, as in Docker.
 * @param hasCgroup whether the OCI program makes one
 * @throws {RuntimeError} `LIMIT_REFUSED` where there is a limit and no cgroup */
export function ociResources(limits: CgroupLimits = {}, hasCgroup: boolean) {
  const { pids, memoryBytes, cpus } = limits
  const [name] = Object.entries({ pids, memory: memoryBytes, cpus }).find(([, value]) => value !== undefined) ?? []
  if (name === undefined) return {}
  if (!hasCgroup) throw refused(name, 'the OCI runtime cannot make a cgroup here')
  return {
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    ...(memoryBytes === undefined ? {} : { memory: { limit: memoryBytes, swap: 2 * memoryBytes } }),
    ...(cpus === undefined ? {} : { cpu: { quota: Math.round(cpus * periodUs), period: periodUs } }),
  }
}
