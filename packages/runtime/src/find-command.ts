import { statSync } from 'node:fs'
import { posix } from 'node:path'
import { RuntimeError } from './errors.js'

/** Where commands are looked for when the environment has no PATH: Docker's default. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The absolute path of a command in the thread's present root.
 * @throws {RuntimeError} `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE` */
export function findCommand(command: string, env: readonly string[], cwd: string): string {
  if (command.includes('/')) return checkedCommand(command, posix.resolve(cwd, command))
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? defaultPath
  for (const directory of path.split(':')) {
    const candidate = posix.resolve(cwd, directory, command)
    if (isExecutable(candidate)) return candidate
  }
  throw new RuntimeError(
    'COMMAND_NOT_FOUND',
    `Cannot find the command "${command}": it is in none of ${path || 'an empty PATH'}`,
  )
}

function checkedCommand(command: string, path: string): string {
  const stat = statOf(path)
  if (!stat) {
    throw new RuntimeError('COMMAND_NOT_FOUND', `Cannot find the command "${command}": no such file in the image`)
  }
  if (stat.isDirectory()) throw notExecutable(command, 'it is a directory')
  if (!isExecutable(path)) throw notExecutable(command, 'permission denied')
  return path
}

/** The error for a command that is there but cannot be executed. */
export function notExecutable(command: string, why: string, cause?: unknown): RuntimeError {
  return new RuntimeError('COMMAND_NOT_EXECUTABLE', `Cannot execute the command "${command}": ${why}`, { cause })
}

/** Whether it is a file that somebody may execute. */
export function isExecutable(path: string): boolean {
  const stat = statOf(path)
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}
