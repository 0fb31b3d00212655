import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The root folder: what was given, `$TSBUILD_ROOT`, `/var/lib/tsbuild` for root, else `$XDG_DATA_HOME/tsbuild`. */
export function rootDirectory(given: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const named = given ?? env.TSBUILD_ROOT
  if (named !== undefined && named !== '') return resolve(named)
  if (process.getuid?.() === 0) return '/var/lib/tsbuild'
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'tsbuild')
}
