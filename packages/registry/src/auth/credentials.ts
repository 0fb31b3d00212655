import type { Credentials, RegistryClientOptions } from '../api.js'
import type { Environment } from '../http/proxy.js'
import { askHelper } from './credential-helper.js'
import {
  type DockerConfig,
  dockerConfigPath,
  helperFor,
  podmanAuthPaths,
  readDockerConfig,
  storedCredentials,
} from './docker-config.js'

/** Finds the credentials of a registry; asked once for each registry and only when it wants some. */
export type FindCredentials = (registry: string) => Promise<Credentials | undefined>

/** First the program's own function, then what the credentials files say, Docker's before podman's. */
export function credentialFinder(
  options: Pick<RegistryClientOptions, 'credentials' | 'dockerConfigPath'>,
  env: Environment,
): FindCredentials {
  const configs = credentialFiles(options.dockerConfigPath, env).map(lazily)
  return async (registry) => {
    const given = await options.credentials?.(registry)
    if (given !== undefined) return given
    for (const config of configs) {
      const found = await config()
      const credentials = found === undefined ? undefined : await credentialsIn(found, registry, env)
      if (credentials !== undefined) return credentials
    }
    return undefined
  }
}

/** What a credentials file leads to: a helper's answer, else what stands in the file itself. */
export async function credentialsIn(
  config: DockerConfig,
  registry: string,
  env: Environment,
): Promise<Credentials | undefined> {
  const helper = helperFor(config, registry)
  const fromHelper = helper === undefined ? undefined : await askHelper(helper, registry, env)
  return fromHelper ?? storedCredentials(config, registry)
}

function credentialFiles(path: string | false | undefined, env: Environment): string[] {
  if (path === false) return []
  return path === undefined ? [dockerConfigPath(env), ...podmanAuthPaths(env)] : [path]
}

function lazily(path: string): () => Promise<DockerConfig | undefined> {
  let config: Promise<DockerConfig | undefined> | undefined
  return () => {
    config ??= readDockerConfig(path)
    return config
  }
}
