import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where distributions put what only administrators use; it is not on every user's PATH. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']

/** Path of a program, or `undefined` where there is none. */
export function findNetworkProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder.startsWith('/')), ...systemFolders]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** What a program said when it failed. */
export class ProgramFailed extends Error {}

/** Runs a program of the calling thread's network namespace to its end, and gives what it printed.
 * @throws {ProgramFailed} with its last line of errors */
export function runNetworkProgram(program: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    env: { PATH: systemFolders.join(delimiter), LC_ALL: 'C' },
  })
  if (error !== undefined) throw new ProgramFailed(error.message)
  if (status === 0) return stdout
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('Command failed'))
  throw new ProgramFailed(said.at(-1)?.slice(0, 300) ?? `${program} ended with ${status}`)
}
