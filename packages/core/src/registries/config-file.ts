import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { suggest } from '@tsbuild/parser'
import { parseReference } from '@tsbuild/spec'
import type { RegistryHost } from '../api.js'
import { CoreError } from '../errors.js'

export type Environment = Readonly<Record<string, string | undefined>>
export type RegistryHosts = Readonly<Record<string, RegistryHost>>

/** What the configuration files say of registries. A host's members in a later file replace those of an earlier one.
 * @param path only this file, which must be there; default: see `configPaths`
 * @throws {CoreError} `CONFIG_INVALID` */
export async function readRegistryConfig(path: string | undefined, env: Environment): Promise<RegistryHosts> {
  const given = path ?? (env.TSBUILD_CONFIG || undefined)
  if (given !== undefined) return await readConfig(resolve(given), true, env)
  const hosts: Record<string, RegistryHost> = {}
  for (const file of configPaths(env)) {
    for (const [host, settings] of Object.entries(await readConfig(file, false, env)))
      hosts[host] = { ...hosts[host], ...settings }
  }
  return hosts
}

/** What the configuration files hold as JSON, in the order in which later ones replace earlier ones.
 * @throws {CoreError} `CONFIG_INVALID` */
export async function configDocuments(
  path: string | undefined,
  env: Environment,
): Promise<{ readonly path: string; readonly value: unknown }[]> {
  const given = path ?? (env.TSBUILD_CONFIG || undefined)
  const files = given === undefined ? configPaths(env) : [resolve(given)]
  const out: { readonly path: string; readonly value: unknown }[] = []
  for (const file of files) {
    const text = await readText(file, given !== undefined)
    if (text !== undefined) out.push({ path: file, value: parseJson(text, new ConfigReader(file, env)) })
  }
  return out
}

/** Files that are read where none is named: the machine's, then the user's. */
function configPaths(env: Environment): string[] {
  const own = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')
  return ['/etc/tsbuild/config.json', join(own, 'tsbuild/config.json')]
}

async function readConfig(path: string, required: boolean, env: Environment): Promise<RegistryHosts> {
  const text = await readText(path, required)
  return text === undefined ? {} : parseRegistryConfig(text, path, env)
}

/** `undefined` where a file that need not be there is not. */
async function readText(path: string, required: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (!required && ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new CoreError('CONFIG_INVALID', `Cannot read configuration "${path}": ${(cause as Error).message}`, { cause })
  }
}

function parseJson(text: string, reader: ConfigReader): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw reader.invalid(`it is not valid JSON: ${(cause as Error).message}`)
  }
}

/** Parses a configuration file; paths in it are relative to its folder.
 * @throws {CoreError} `CONFIG_INVALID`, which names the member */
export function parseRegistryConfig(text: string, path: string, env: Environment = {}): RegistryHosts {
  const reader = new ConfigReader(path, env)
  const value = parseJson(text, reader)
  const { registries = {} } = reader.members(value, '', ['registries', 'gc'])
  return Object.fromEntries(
    Object.entries(reader.object(registries, 'registries')).map(([host, settings]) => {
      reader.checkHost(host)
      return [host, reader.host(settings, `registries["${host}"]`)]
    }),
  )
}

const hostMembers = ['mirrors', 'insecure', 'plainHttp', 'ca', 'cert', 'key'] as const

/** Checks values, and says where the wrong one stands. */
export class ConfigReader {
  readonly #path: string
  readonly #env: Environment

  constructor(path: string, env: Environment) {
    this.#path = path
    this.#env = env
  }

  invalid(why: string, hint?: string): CoreError {
    const details = hint === undefined ? {} : { hint }
    return new CoreError('CONFIG_INVALID', `Cannot use configuration "${this.#path}": ${why}`, details)
  }

  object(value: unknown, where: string): Readonly<Record<string, unknown>> {
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
    throw this.invalid(`${where === '' ? 'it' : where} is not an object`)
  }

  /** An object that has these members at most. */
  members(value: unknown, where: string, known: readonly string[]): Readonly<Record<string, unknown>> {
    const object = this.object(value, where)
    const unknown = Object.keys(object).find((name) => !known.includes(name))
    if (unknown === undefined) return object
    const near = suggest(unknown, known, { caseSensitive: false })
    const hint = near === undefined ? `Known are ${known.join(', ')}` : `Did you mean "${near}"?`
    throw this.invalid(`"${unknown}"${where === '' ? '' : ` in ${where}`} is not known`, hint)
  }

  checkHost(host: string): void {
    const hint = host.includes('://')
      ? 'Leave the scheme and the path out'
      : 'Write it as image names have it: docker.io, registry.example:5000'
    try {
      if (parseReference(`${host}/x`).registry === host) return
    } catch {
      // Told below.
    }
    throw this.invalid(`"${host}" in registries is not a registry host`, hint)
  }

  host(value: unknown, where: string): RegistryHost {
    const { mirrors, insecure, plainHttp, ca, cert, key } = this.members(value, where, hostMembers)
    return {
      ...(mirrors === undefined ? {} : { mirrors: this.#strings(mirrors, `${where}.mirrors`) }),
      ...(insecure === undefined ? {} : { insecure: this.#boolean(insecure, `${where}.insecure`) }),
      ...(plainHttp === undefined ? {} : { plainHttp: this.#boolean(plainHttp, `${where}.plainHttp`) }),
      ...(ca === undefined ? {} : { ca: this.#pem(ca, `${where}.ca`) }),
      ...(cert === undefined ? {} : { cert: this.#pem(cert, `${where}.cert`) }),
      ...(key === undefined ? {} : { key: this.#pem(key, `${where}.key`) }),
    }
  }

  #boolean(value: unknown, where: string): boolean {
    if (typeof value === 'boolean') return value
    throw this.invalid(`${where} is not true or false`)
  }

  #string(value: unknown, where: string): string {
    if (typeof value === 'string' && value !== '') return value
    throw this.invalid(`${where} is not a string with something in it`)
  }

  #strings(value: unknown, where: string): string[] {
    if (!Array.isArray(value)) throw this.invalid(`${where} is not a list`)
    return value.map((item, index) => this.#string(item, `${where}[${index}]`))
  }

  /** PEM text stays as it is; a path is made absolute. */
  #pem(value: unknown, where: string): string {
    const text = this.#string(value, where)
    if (text.includes('-----BEGIN ')) return text
    return resolve(
      dirname(this.#path),
      text.replace(/^~(?=\/)/, () => this.#env.HOME || homedir()),
    )
  }
}
