import { parseReference } from '@tsbuild/spec'
import type { LoginOptions, LoginResult, Registries, RegistryAccess } from '../api.js'
import { CoreError } from '../errors.js'
import { clientOptions } from './client-options.js'

/** Accounts with registries, without an open root folder. Nothing is held between calls. */
export function openRegistries(access: RegistryAccess = {}): Registries {
  const openStore = async () => {
    const { openCredentialStore } = await import('@tsbuild/registry')
    const { dockerConfigPath } = access
    return openCredentialStore(dockerConfigPath === undefined ? {} : { dockerConfigPath })
  }
  return {
    async login(server, { username, password, signal }: LoginOptions): Promise<LoginResult> {
      const registry = registryOf(server)
      const kept = await tryCredentials(access, registry, { username, password }, signal)
      return await (await openStore()).store(registry, kept)
    },
    async logout(server) {
      return await (await openStore()).erase(registryOf(server))
    },
    async user(server) {
      const found = await (await openStore()).find(registryOf(server))
      return found === undefined ? undefined : (found.username ?? '')
    },
    async check(server, { signal } = {}) {
      const registry = registryOf(server)
      const found = await (await openStore()).find(registry)
      if (found === undefined) {
        throw new CoreError('OPTION_INVALID', `Cannot log in to "${registry}": no credentials are kept for it`)
      }
      await tryCredentials(access, registry, found, signal)
    },
  }
}

type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string; readonly username?: string }

async function tryCredentials(
  access: RegistryAccess,
  registry: string,
  credentials: Credentials,
  signal: AbortSignal | undefined,
): Promise<Credentials> {
  const { createRegistryClient } = await import('@tsbuild/registry')
  await using client = createRegistryClient(await clientOptions(access))
  return await client.login(registry, credentials, signal === undefined ? {} : { signal })
}

/** The registry that a server's name or URL means. */
function registryOf(server: string): string {
  const host = server
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/.*$/, '')
  if (host === '' || host === 'registry-1.docker.io') return 'docker.io'
  try {
    const { registry, repository } = parseReference(`${host}/x`)
    if (repository === 'x' || (registry === 'docker.io' && repository === 'library/x')) return registry
  } catch {
    // Told below.
  }
  throw new CoreError('OPTION_INVALID', `Cannot use server "${host.slice(0, 200)}": it is not a registry host`, {
    hint: 'Write it as image names have it: docker.io, registry.example:5000',
  })
}
