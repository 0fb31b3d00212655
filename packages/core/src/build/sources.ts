import { join } from 'node:path'
import type { BuildOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import type { HttpSession } from '../files/index.js'
import { GitSession } from '../git/index.js'
import { type ForwardedAgents, openForwardedAgents } from '../ssh/forwarded-agents.js'

/** Where a build gets what does not lie on the disk, each asked with what the build's secrets and agents say. */
export interface Sources extends AsyncDisposable {
  readonly parts: EngineParts
  readonly ssh: ForwardedAgents
  readonly git: GitSession
  readonly http: HttpSession
}

/** Nothing is started or asked before it is needed.
 * @throws {CoreError} `OPTION_INVALID`, `SSH_UNAVAILABLE` */
export async function openSources(
  parts: EngineParts,
  options: Pick<BuildOptions, 'ssh' | 'secrets'>,
): Promise<Sources> {
  const { root, locks, files, contextsDirectory } = parts
  const secrets = new Map(Object.entries(options.secrets ?? {}))
  const ssh = await openForwardedAgents(options.ssh ?? {}, contextsDirectory)
  const mirrors = join(root, 'downloads', 'git')
  const git = new GitSession({ mirrors, checkouts: contextsDirectory, locks, secrets, ssh })
  return { parts, ssh, git, http: files.openHttp(secrets), [Symbol.asyncDispose]: () => ssh[Symbol.asyncDispose]() }
}
