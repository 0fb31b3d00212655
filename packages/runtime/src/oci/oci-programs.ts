import { accessSync, constants, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { RuntimeError } from '../errors.js'

/** Looked for in this order: runc serves more kinds of cgroup set-ups than older versions of crun. */
const known = ['runc', 'crun']
const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Absolute paths of the OCI programs to use.
 * @param program a name or path; without it those that we know
 * @throws {RuntimeError} `RUNTIME_UNAVAILABLE` */
export function findOciPrograms(program: string | undefined, path = process.env.PATH ?? usualPath): string[] {
  const names = program === undefined ? known : [program]
  const found = names.flatMap((name) => findOnPath(name, path))
  if (found.length > 0) return found
  const wanted = program === undefined ? known.join(' nor ') : program
  throw new RuntimeError('RUNTIME_UNAVAILABLE', `Cannot find the OCI runtime "${wanted}": it is not on PATH`, {
    hint: 'Install runc or crun, or use the native runtime',
  })
}

function findOnPath(name: string, path: string): string[] {
  const candidates = name.includes('/') ? [name] : path.split(':').map((directory) => join(directory, name))
  const found = candidates.find(isProgram)
  return found === undefined ? [] : [found]
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** An OCI program as it is to be called. */
export interface OciProgram {
  readonly path: string
  /** Go on where no cgroup can be made. */
  readonly withoutCgroups: boolean
}

/** Chooses among the OCI programs: the first one that starts a step is kept, and why others did not is remembered. */
export interface OciPrograms {
  /** @throws {RuntimeError} `RUNTIME_UNAVAILABLE` when none is left */
  current(): OciProgram
  /** It has started a step: from now on it is not given up. */
  worked(program: OciProgram): void
  /** It could not start a step, for a reason that has nothing to do with the step. Tells whether there is another way to try. */
  failed(program: OciProgram, reason: string): boolean
}

export function createOciPrograms(paths: readonly string[]): OciPrograms {
  const left = paths.flatMap((path): OciProgram[] => ways(path))
  const reasons: string[] = []
  let proven = false
  return {
    current() {
      if (left[0] !== undefined) return left[0]
      throw new RuntimeError('RUNTIME_UNAVAILABLE', `Cannot run processes with an OCI runtime: ${reasons.join('; ')}`, {
        hint: 'Use the native runtime, or another OCI runtime',
      })
    },
    worked() {
      proven = true
    },
    failed(program, reason) {
      // Several steps may have met the same failure at once.
      if (program !== left[0]) return left.length > 0
      if (proven) return false
      left.shift()
      reasons.push(`${basename(program.path)}${program.withoutCgroups ? ' without cgroups' : ''}: ${reason}`)
      return true
    },
  }
}

/** runc can be told to ignore that cgroups are read-only, as they are in many containers. */
function ways(path: string): OciProgram[] {
  const plain = { path, withoutCgroups: false }
  return basename(path) === 'runc' ? [plain, { path, withoutCgroups: true }] : [plain]
}
