import { S_IFBLK, S_IFMT } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { capabilitiesOf } from '../capabilities.js'
import { defaultPath } from '../find-command.js'
import { maskedProc, maskedSys, readonlyProc } from '../hidden-files.js'
import { type HostDevice, hostDevices } from '../host-devices.js'
import type { ResolvedUser } from '../resolve-user.js'
import type { OciLimit } from './oci-limits.js'
import { ociResources } from './oci-resources.js'
import { ociSeccomp } from './oci-seccomp.js'

/** A mount that the OCI program makes (runtime spec, config.md "Mounts"). */
export interface OciMount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

/** What a `config.json` is made of, resolved. */
export interface OciStep {
  readonly spec: ProcessSpec
  /** Absolute path of the mounted root. */
  readonly root: string
  readonly hostname: string
  readonly user: ResolvedUser
  /** Those that can't be made in the root beforehand: targets in /dev, /proc and /sys. */
  readonly mounts: readonly OciMount[]
  readonly limits: readonly OciLimit[]
  /** Capabilities of this process, as bits. */
  readonly ownCapabilities: bigint
  /** Whether devices may be forbidden, which takes a cgroup. */
  readonly deviceRules: boolean
}

const kernelFlags = ['nosuid', 'noexec', 'nodev']
const defaultShmBytes = 64 << 20

const maskedPaths = [...maskedProc.map((name) => `/proc/${name}`), ...maskedSys.map((name) => `/sys/${name}`)]
const readonlyPaths = readonlyProc.map((name) => `/proc/${name}`)

/** The text of `config.json` (OCI runtime spec 1.0.2), with Docker's defaults.
 * @throws {RuntimeError} `CAPABILITY_UNKNOWN`, `CAPABILITY_UNAVAILABLE`, `SECCOMP_PROFILE_INVALID`, `LIMIT_REFUSED` */
export function ociConfig(step: OciStep): string {
  const { spec, root, hostname, limits } = step
  const insecure = spec.security === 'insecure'
  const capabilities = capabilitiesFor(step)
  const config = {
    ociVersion: '1.0.2',
    root: { path: root, ...(spec.sandbox?.readonlyRoot ? { readonly: true } : {}) },
    hostname,
    process: processConfig(step, capabilities),
    mounts: [...kernelMounts(spec), ...step.mounts],
    linux: {
      namespaces: ['mount', 'pid', 'ipc', 'uts', ...(spec.network === 'none' ? ['network'] : [])].map((type) => ({
        type,
      })),
      ...(insecure ? {} : { maskedPaths, readonlyPaths }),
      ...(step.deviceRules
        ? { resources: { devices: [{ allow: insecure, access: 'rwm' }], ...ociResources(spec.cgroup, true) } }
        : ociResources(spec.cgroup, false)),
      ...(spec.sandbox?.hostDevices ? { devices: hostDevices().map(ociDevice) } : {}),
      ...ociSeccomp(spec, capabilities),
    },
  }
  return writeNumbers(writeLimits(JSON.stringify(config), limits))
}

/** Where no cgroup forbids the use of devices, nobody may make their nodes. */
function capabilitiesFor({ spec, ownCapabilities, deviceRules }: OciStep): string[] {
  const names = capabilitiesOf(spec, ownCapabilities)
  return deviceRules || spec.security === 'insecure' ? names : names.filter((name) => name !== 'CAP_MKNOD')
}

function ociDevice({ path, mode, uid, gid, major, minor }: HostDevice) {
  const type = (mode & S_IFMT) === S_IFBLK ? 'b' : 'c'
  return { path: `/dev/${path}`, type, major, minor, fileMode: mode & 0o7777, uid, gid }
}

function processConfig({ spec, user, limits }: OciStep, capabilities: readonly string[]) {
  return {
    user: { uid: user.uid, gid: user.gid, umask: 0o022, additionalGids: user.groups },
    args: spec.args,
    env: environment(spec, user.home),
    cwd: spec.cwd,
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    rlimits: limits.map(({ type }, index) => ({
      type,
      soft: limitMark(index, 'soft'),
      hard: limitMark(index, 'hard'),
    })),
    noNewPrivileges: spec.sandbox?.noNewPrivileges === true,
  }
}

/** HOME is that of the user, unless it is given. The OCI program looks the command up itself, in the PATH of the step: where there is
 * none and one is needed, it gets Docker's. */
function environment({ env, args }: ProcessSpec, home: string): string[] {
  const has = (name: string) => env.some((entry) => entry.startsWith(`${name}=`))
  const needsPath = !has('PATH') && !args[0]?.includes('/')
  return [...env, ...(has('HOME') ? [] : [`HOME=${home}`]), ...(needsPath ? [`PATH=${defaultPath}`] : [])]
}

function kernelMounts({ security, shmSizeBytes = defaultShmBytes }: ProcessSpec): OciMount[] {
  const mount = (type: string, destination: string, ...options: string[]) => ({
    destination,
    type,
    source: type,
    options,
  })
  return [
    mount('proc', '/proc', ...kernelFlags),
    mount('tmpfs', '/dev', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
    mount('devpts', '/dev/pts', 'nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'),
    mount('tmpfs', '/dev/shm', ...kernelFlags, 'mode=1777', `size=${shmSizeBytes}`),
    mount('mqueue', '/dev/mqueue', ...kernelFlags),
    mount('sysfs', '/sys', ...kernelFlags, ...(security === 'insecure' ? [] : ['ro'])),
  ]
}

/** Limits are 64 bits wide, more than a JSON number of JavaScript holds: they are put in as text. No other string can look like a
 * mark, since none has a NUL. */
function limitMark(index: number, end: 'soft' | 'hard'): string {
  return `\0${index} ${end}`
}

function writeLimits(json: string, limits: readonly OciLimit[]): string {
  return limits.reduce(
    (text, limit, index) =>
      text
        .replace(JSON.stringify(limitMark(index, 'soft')), String(limit.soft))
        .replace(JSON.stringify(limitMark(index, 'hard')), String(limit.hard)),
    json,
  )
}

/** The same for numbers of seccomp rules, whose marks hold them. */
function writeNumbers(json: string): string {
  return json.replace(/"\\u0000(\d+)"/g, '$1')
}
