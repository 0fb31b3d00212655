import { closeSync, constants, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { O_CLOEXEC } from '@tsbuild/host'
import { isContainerCgroup } from '../cgroup/create-cgroup.js'
import { cgroupDirectory, readHierarchies, readMembership } from '../cgroup/hierarchies.js'
import type { Lifeline } from '../watcher.js'

/** A container's own cgroup that can be frozen. */
export interface Freezer {
  readonly members: () => Set<number>
  freeze(): void
  isFrozen(): boolean
  /** Lets a watcher thaw it. */
  watch(lifeline: Lifeline): void
}

/** `undefined` where the process is in no cgroup that was made for its container alone. */
export function freezerOf(pid: number): Freezer | undefined {
  const membership = readMembership(pid)
  for (const hierarchy of readHierarchies()) {
    if (hierarchy.version === 1 && !hierarchy.controllers.includes('freezer')) continue
    const directory = cgroupDirectory(hierarchy, membership)
    if (directory === undefined || !isContainerCgroup(basename(directory))) continue
    if (existsSync(join(directory, 'freezer.state'))) return freezer(directory, version1)
    if (existsSync(join(directory, 'cgroup.freeze'))) return freezer(directory, version2)
  }
  return undefined
}

const version1 = { file: 'freezer.state', freeze: 'FROZEN', thaw: 'THAWED', state: 'freezer.state', frozen: /^FROZEN/ }
const version2 = { file: 'cgroup.freeze', freeze: '1', thaw: '0', state: 'cgroup.events', frozen: /^frozen 1$/m }

function freezer(directory: string, { file, freeze, thaw, state, frozen }: typeof version1): Freezer {
  const path = (name: string) => join(directory, name)
  return {
    members: () => new Set(readFileSync(path('cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)),
    freeze: () => writeFileSync(path(file), freeze),
    isFrozen: () => frozen.test(readFileSync(path(state), 'utf8')),
    watch(lifeline) {
      const fd = openSync(path(file), constants.O_WRONLY | O_CLOEXEC)
      try {
        lifeline.watch([{ name: 'write', args: [fd, thaw, thaw.length] }], [fd])
      } finally {
        closeSync(fd)
      }
    },
  }
}
