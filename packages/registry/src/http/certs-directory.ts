import { readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { RegistryError } from '../errors.js'
import type { Environment } from './proxy.js'

/** Certificates found for a host, in PEM form. */
export interface Certificates {
  readonly ca: readonly string[]
  readonly client?: { readonly cert: string; readonly key: string }
}

/** Where docker and podman look for certificates, the user's first. */
export function defaultCertsDirectories(env: Environment): readonly string[] {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')
  return [
    join(config, 'docker/certs.d'),
    join(config, 'containers/certs.d'),
    '/etc/docker/certs.d',
    '/etc/containers/certs.d',
  ]
}

/** Reads `<directory>/<host>/`: every `*.crt` is an authority, a `*.cert` with its `*.key` the client certificate. The first directory
 * that has the host counts.
 * @throws {RegistryError} `SETTINGS_INVALID` */
export async function readCertificates(directories: readonly string[], host: string): Promise<Certificates> {
  // The host becomes a part of a path.
  if (/[/\\\0]|^\.+$/.test(host)) return { ca: [] }
  for (const directory of directories) {
    const folder = join(directory, host)
    const names = await readdir(folder).catch(() => undefined)
    if (names === undefined) continue
    const sorted = names.sort()
    const ca = await Promise.all(sorted.filter((name) => name.endsWith('.crt')).map((name) => read(folder, name)))
    const cert = sorted.find((name) => name.endsWith('.cert'))
    if (cert === undefined) return { ca }
    const key = cert.replace(/\.cert$/, '.key')
    if (!sorted.includes(key)) {
      throw new RegistryError(
        'SETTINGS_INVALID',
        `Cannot use certificate "${join(folder, cert)}": there is no "${key}" beside it`,
      )
    }
    return { ca, client: { cert: await read(folder, cert), key: await read(folder, key) } }
  }
  return { ca: [] }
}

async function read(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8')
  } catch (cause) {
    throw new RegistryError(
      'SETTINGS_INVALID',
      `Cannot read certificate "${join(folder, name)}": ${(cause as Error).message}`,
      { cause },
    )
  }
}
