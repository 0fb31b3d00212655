import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Credentials } from '../api.js'
import { RegistryError } from '../errors.js'
import type { Environment } from '../http/proxy.js'

/** What Docker's `config.json` says about credentials. */
export interface DockerConfig {
  readonly path: string
  /** Everything in the file. */
  readonly document: Readonly<Record<string, unknown>>
  readonly auths: Readonly<Record<string, unknown>>
  readonly credHelpers: Readonly<Record<string, unknown>>
  readonly credsStore?: string
}

/** `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export function dockerConfigPath(env: Environment): string {
  return join(env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), 'config.json')
}

/** Reads the file; `undefined` where there is none.
 * @throws {RegistryError} `CREDENTIALS_FAILED` */
export async function readDockerConfig(path: string): Promise<DockerConfig | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new RegistryError(
      'CREDENTIALS_FAILED',
      `Cannot read credentials file "${path}": ${(cause as Error).message}`,
      { cause },
    )
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // JSON.parse's message quotes the text, and with it the secrets.
    throw new RegistryError('CREDENTIALS_FAILED', `Cannot read credentials file "${path}": it is not valid JSON`)
  }
  const config = record(value)
  return {
    path,
    document: config,
    auths: record(config.auths),
    credHelpers: record(config.credHelpers),
    ...(typeof config.credsStore === 'string' && config.credsStore !== '' ? { credsStore: config.credsStore } : {}),
  }
}

/** Where podman keeps credentials: files of the same form, without helpers for single registries in the older ones. */
export function podmanAuthPaths(env: Environment): string[] {
  return [
    ...(env.REGISTRY_AUTH_FILE ? [env.REGISTRY_AUTH_FILE] : []),
    ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'containers/auth.json')] : []),
    join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'containers/auth.json'),
  ]
}

/** The name under which credentials of a registry are kept. */
export function credentialKey(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry
}

/** The credentials that the file itself holds for a registry. Keys may be hosts or URLs.
 * @throws {RegistryError} `CREDENTIALS_FAILED` for an entry that cannot be decoded */
export function storedCredentials(config: DockerConfig, registry: string): Credentials | undefined {
  const key = credentialKey(registry)
  const entry = config.auths[key] ?? Object.entries(config.auths).find(([name]) => sameRegistry(name, registry))?.[1]
  if (entry === undefined) return undefined
  const { auth, username, password, identitytoken } = record(entry)
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    const name = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString('utf8').split(':', 1)[0] : undefined
    return { identityToken: identitytoken, ...(name ? { username: name } : {}) }
  }
  if (typeof auth === 'string' && auth !== '') return decodeAuth(auth, registry, config.path)
  if (typeof username === 'string' && username !== '' && typeof password === 'string') return { username, password }
  return undefined
}

function decodeAuth(auth: string, registry: string, path: string): Credentials {
  const text = Buffer.from(auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) {
    throw new RegistryError(
      'CREDENTIALS_FAILED',
      `Cannot read credentials of "${registry}" in "${path}": "auth" is not base64 of user:password`,
    )
  }
  // Docker pads what it writes with NULs in some versions.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}

/** The helper program that keeps a registry's credentials: the one for this registry, else the one for all. */
export function helperFor(config: DockerConfig, registry: string): string | undefined {
  const exact = config.credHelpers[registry] ?? config.credHelpers[credentialKey(registry)]
  const found = exact ?? Object.entries(config.credHelpers).find(([name]) => sameRegistry(name, registry))?.[1]
  return typeof found === 'string' && found !== '' ? found : config.credsStore
}

const hubHosts = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/** Keys may be URLs of an API's root. One with a longer path is podman's way to name a part of a registry, and is for that alone. */
function sameRegistry(name: string, registry: string): boolean {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/]*)(.*)$/.exec(name) ?? []
  if (!/^\/?(v[12]\/?)?$/.test(path)) return false
  return host === registry || (registry === 'docker.io' && hubHosts.has(host))
}

/** Keys of a registry's entries, whatever their form. */
export function entriesOf(members: Readonly<Record<string, unknown>>, registry: string): string[] {
  return Object.keys(members).filter((name) => name === credentialKey(registry) || sameRegistry(name, registry))
}

export function record(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
