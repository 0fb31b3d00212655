import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hasErrno } from '@tsbuild/host'
import type { CgroupLimits } from '@tsbuild/spec'
import { RuntimeError } from '../errors.js'
import { startTimeOf } from '../process-identity.js'
import { cgroupDirectory, type Hierarchy, readHierarchies, readMembership } from './hierarchies.js'
import { limitSettings, type Setting } from './limit-settings.js'

/** The cgroups of one container: one directory, or one in each hierarchy that it needs. */
export interface ContainerCgroup {
  readonly directories: readonly string[]
  /** To be called when no process is left in it. What is still busy after a while is left to the next container's start. */
  remove(): Promise<void>
}

/** Names tell whose they are: process id and start time, which together are never used twice in one boot. */
const namePattern = /^tsbuild\.(\d+)-(\d+)-\d+$/
const removeTries = 50
const removePauseMs = 20

let count = 0

/** Makes a cgroup below the one that this process is in, or (version 2, where a cgroup with processes has no children with
 * controllers) below one above it, and sets its limits. It can be frozen where this machine has a freezer.
 * @throws {RuntimeError} `LIMIT_REFUSED`, which names what is missing; nothing is left then */
export function createCgroup(limits: CgroupLimits): ContainerCgroup {
  const name = `tsbuild.${process.pid}-${startTimeOf(process.pid)}-${++count}`
  const directories: string[] = []
  try {
    const hierarchies = readHierarchies()
    for (const limit of ['pids', 'memory', 'cpus'] as const) {
      if (limits[limit === 'memory' ? 'memoryBytes' : limit] !== undefined)
        setLimit(limit, limits, hierarchies, name, directories)
    }
    addFreezer(hierarchies, name, directories)
  } catch (error) {
    for (const directory of directories) tryRemove(directory)
    throw error
  }
  return {
    directories,
    async remove() {
      for (const directory of [...directories].reverse()) {
        for (let tries = 0; !tryRemove(directory) && tries < removeTries; tries++) await delay(removePauseMs)
      }
    },
  }
}

/** Whether a cgroup is one of ours, for one container. */
export function isContainerCgroup(name: string): boolean {
  return namePattern.test(name)
}

function setLimit(
  name: 'pids' | 'memory' | 'cpus',
  limits: CgroupLimits,
  hierarchies: readonly Hierarchy[],
  cgroup: string,
  directories: string[],
): void {
  const reasons: string[] = []
  for (const hierarchy of hierarchies) {
    const setting = limitSettings(limits, hierarchy.version).find((candidate) => candidate.name === name)
    if (!setting) continue
    if (hierarchy.version === 1 && !hierarchy.controllers.includes(setting.controller)) continue
    try {
      for (const parent of parentsOf(hierarchy, directories)) {
        const directory = makeDirectory(
          parent,
          cgroup,
          hierarchy.version === 2 ? setting.controller : undefined,
          directories,
        )
        if (directory === undefined) continue
        for (const one of setting.settings) write(directory, one)
        return
      }
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error))
    }
  }
  const controller = name === 'cpus' ? 'cpu' : name
  const why = reasons.length > 0 ? reasons.join('; ') : `there is no cgroup with the controller "${controller}"`
  throw new RuntimeError('LIMIT_REFUSED', `Cannot set the limit "${name}": ${why}`, {
    hint: `It takes the cgroup controller "${controller}", and a cgroup file system that can be written`,
  })
}

/** Where a cgroup may be made: in our own one, and in version 2 in those above it, unless we have made it there already. */
function parentsOf(hierarchy: Hierarchy, directories: readonly string[]): string[] {
  const made = directories.find((directory) => directory.startsWith(`${hierarchy.mountPoint}/`))
  if (made !== undefined) return [dirname(made)]
  const own = cgroupDirectory(hierarchy, readMembership('self'))
  if (own === undefined) return []
  const parents = [own]
  while (hierarchy.version === 2 && parents[0] !== hierarchy.mountPoint) parents.unshift(dirname(parents[0]!))
  return parents.reverse()
}

/** @param controller of version 2, to be handed down by `parent` */
function makeDirectory(
  parent: string,
  name: string,
  controller: string | undefined,
  directories: string[],
): string | undefined {
  const directory = join(parent, name)
  if (directories.includes(directory) && controller === undefined) return directory
  if (controller !== undefined && !handsDown(parent, controller)) return undefined
  if (!directories.includes(directory)) {
    removeLeftovers(parent)
    mkdirSync(directory)
    directories.push(directory)
  }
  return directory
}

function handsDown(parent: string, controller: string): boolean {
  const names = (file: string) => readFileSync(join(parent, file), 'utf8').trim().split(' ')
  if (names('cgroup.subtree_control').includes(controller)) return true
  if (!names('cgroup.controllers').includes(controller)) return false
  try {
    writeFileSync(join(parent, 'cgroup.subtree_control'), `+${controller}`)
    return true
  } catch (error) {
    // It has processes: then its children can't have controllers.
    if (hasErrno(error, 'EBUSY', 'EOPNOTSUPP')) return false
    throw error
  }
}

function write(directory: string, { file, value, optional }: Setting): void {
  try {
    writeFileSync(join(directory, file), value)
  } catch (error) {
    if (!optional || !hasErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'EINVAL')) throw error
  }
}

/** Every cgroup of version 2 can be frozen, also where it has no controllers. */
function addFreezer(hierarchies: readonly Hierarchy[], name: string, directories: string[]): void {
  if (directories.some((directory) => existsSync(join(directory, 'cgroup.freeze')))) return
  const candidates = [
    ...hierarchies.filter(({ controllers }) => controllers.includes('freezer')),
    ...hierarchies.filter(({ version }) => version === 2),
  ]
  for (const hierarchy of candidates) {
    try {
      for (const parent of parentsOf(hierarchy, directories).slice(0, 1)) {
        makeDirectory(parent, name, undefined, directories)
        return
      }
    } catch {
      // Nothing was asked for: processes can be stopped without it.
    }
  }
}

/** Cgroups of programs that were killed. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid = '', started = ''] = namePattern.exec(name) ?? []
    if (pid !== '' && startTimeOf(Number(pid)) !== started) tryRemove(join(parent, name))
  }
}

function tryRemove(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    return hasErrno(error, 'ENOENT')
  }
}
