import { isAbsolute, resolve } from 'node:path/posix'
import type { Entitlement } from '../api/build.js'
import type { ContainerOptions } from '../api/containers.js'
import { CoreError } from '../errors.js'

/** Refuses what can't be meant, before anything is made.
 * @throws {CoreError} `OPTION_INVALID`, `ENTITLEMENT_MISSING` */
export function checkContainerOptions(options: ContainerOptions, entitlements: readonly Entitlement[]): void {
  const { cwd, hostname, mounts = [], log = {}, cgroup = {}, stopTimeoutSeconds } = options
  if (cwd !== undefined && !isAbsolute(cwd)) throw invalid('working directory', cwd, 'it is not an absolute path')
  if (hostname !== undefined && !/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62})$/.test(hostname))
    throw invalid('host name', hostname, 'not letters, digits, "-" and ".", 63 of them at most')
  for (const { target } of mounts) checkTarget(target)
  const targets = mounts.map(({ target }) => resolve(target))
  const twice = targets.find((target, index) => targets.indexOf(target) !== index)
  if (twice !== undefined) throw invalid('mount', twice, 'two mounts have that target')
  for (const mount of mounts) {
    if (mount.kind === 'bind' && !isAbsolute(mount.source))
      throw invalid('mount source', mount.source, 'it is not an absolute path')
  }
  for (const [name, value] of Object.entries({ ...log, ...cgroup })) {
    if (!(value > 0)) throw invalid(`option ${name}`, String(value), 'it is not above zero')
  }
  if (stopTimeoutSeconds !== undefined && !(stopTimeoutSeconds >= -1))
    throw invalid('stop timeout', String(stopTimeoutSeconds), 'it is below -1')
  for (const name of Object.keys(options.env ?? {}))
    if (name === '' || name.includes('=')) throw invalid('variable', name, 'a name is not empty and has no "="')
  checkEntitlements(options, entitlements)
}

function checkTarget(target: string): void {
  if (!isAbsolute(target)) throw invalid('mount target', target, 'it is not an absolute path')
  if (resolve(target) === '/') throw invalid('mount target', target, 'it is the root of the container')
}

/** What goes beyond Docker's defaults has to be granted. @throws {CoreError} `ENTITLEMENT_MISSING` */
export function checkEntitlements(
  { privileged, sandbox = {} }: Pick<ContainerOptions, 'privileged' | 'sandbox'>,
  entitlements: readonly Entitlement[],
): void {
  if (entitlements.includes('security.insecure')) return
  const asked = [
    ...(privileged ? ['privileged'] : []),
    ...((sandbox.capAdd?.length ?? 0) > 0 ? ['capabilities'] : []),
    ...(sandbox.seccomp === undefined || sandbox.seccomp === 'default' ? [] : ['a seccomp profile']),
  ]
  if (asked.length === 0) return
  throw new CoreError('ENTITLEMENT_MISSING', `Cannot give a container ${asked.join(', ')}: that was not granted`, {
    hint: 'Open the engine with entitlements: ["security.insecure"]',
  })
}

function invalid(what: string, value: string, state: string): CoreError {
  return new CoreError('OPTION_INVALID', `Cannot use ${what} "${value.slice(0, 200)}": ${state}`)
}
