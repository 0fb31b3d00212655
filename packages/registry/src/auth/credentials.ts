import type { Credentials, RegistryClientOptions } from '../api.js'
import type { Environment } from '../http/proxy.js'
import { askHelper } from './credential-helper.js'
import { type DockerConfig, dockerConfigPath, helperFor, readDockerConfig, storedCredentials } from './docker-config.js'

/** Finds the credentials of a registry; asked once for each registry and only when it wants some. */
export type FindCredentials = (registry: string) => Promise<Credentials | undefined>

/** First the program's own function, then what Docker's credentials file says: a helper, else the file itself. */
export function credentialFinder(options: RegistryClientOptions, env: Environment): FindCredentials {
  const path = options.dockerConfigPath === false ? undefined : (options.dockerConfigPath ?? dockerConfigPath(env))
  let config: Promise<DockerConfig | undefined> | undefined
  return async (registry) => {
    const given = await options.credentials?.(registry)
    if (given !== undefined || path === undefined) return given
    config ??= readDockerConfig(path)
    const found = await config
    if (found === undefined) return undefined
    const helper = helperFor(found, registry)
    const fromHelper = helper === undefined ? undefined : await askHelper(helper, registry, env)
    return fromHelper ?? storedCredentials(found, registry)
  }
}
