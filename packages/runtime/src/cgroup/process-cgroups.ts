import { constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { O_CLOEXEC } from '@tsbuild/host'
import { cgroupDirectory, readHierarchies, readMembership } from './hierarchies.js'

/** Opens `cgroup.procs` of every cgroup that a process is in and this one is not: who writes 0 there joins it. */
export function openCgroupsOf(pid: number): number[] {
  const theirs = readMembership(pid)
  const ours = readMembership('self')
  if (theirs === ours) return []
  return readHierarchies().flatMap((hierarchy) => {
    const directory = cgroupDirectory(hierarchy, theirs)
    return directory === undefined || directory === cgroupDirectory(hierarchy, ours) ? [] : [openMembers(directory)]
  })
}

/** The file that a process joins a cgroup by. */
export function openMembers(directory: string): number {
  return openSync(join(directory, 'cgroup.procs'), constants.O_WRONLY | O_CLOEXEC)
}
