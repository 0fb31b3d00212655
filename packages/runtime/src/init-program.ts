import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessMount, ProcessSpec } from '@tsbuild/spec'
import { elfInterpreter, headBytes } from './elf-interpreter.js'
import { RuntimeError } from './errors.js'
import { isExecutable } from './find-command.js'

/** Docker's own first; some distributions' `tini` is not static. */
const names = ['docker-init', 'tini-static', 'catatonit', 'tini']

/** Where it is in the root: /dev is always the process's own, and never part of a layer. */
const place = '/dev/init'

/** Finds, on the host's PATH, a static init program for `ProcessSpec.init`.
 * @throws {RuntimeError} `INIT_UNAVAILABLE` */
export function findInit(path = process.env.PATH ?? ''): string {
  for (const name of names) {
    for (const directory of path.split(':')) {
      const candidate = join(directory, name)
      if (directory.startsWith('/') && isExecutable(candidate) && isStatic(candidate)) return candidate
    }
  }
  throw new RuntimeError('INIT_UNAVAILABLE', 'Cannot find an init program: no static tini or catatonit is on PATH', {
    hint: 'Install the package "tini" or "catatonit"',
  })
}

/** The mount by which a process gets its init program. */
export function initMounts({ init }: ProcessSpec): ProcessMount[] {
  return init === undefined ? [] : [{ kind: 'bind', source: init, target: place, readonly: true }]
}

/** What is executed: the command, or the init program with it.
 * @param command absolute path of the command, which the init program cannot look up without a PATH */
export function withInit(spec: ProcessSpec, command: string): { readonly path: string; readonly spec: ProcessSpec } {
  if (spec.init === undefined) return { path: command, spec }
  const [name = '', ...rest] = spec.args
  const hasPath = spec.env.some((entry) => entry.startsWith('PATH='))
  return { path: place, spec: { ...spec, args: [place, '--', hasPath ? name : command, ...rest] } }
}

function isStatic(path: string): boolean {
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(headBytes)
    return elfInterpreter(head.subarray(0, readSync(fd, head))) === ''
  } finally {
    closeSync(fd)
  }
}
