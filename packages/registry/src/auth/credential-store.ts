import type { Credentials, RegistryClientOptions } from '../api.js'
import { RegistryError } from '../errors.js'
import { eraseInHelper, helperProgram, storeInHelper } from './credential-helper.js'
import { credentialFinder } from './credentials.js'
import {
  credentialKey,
  type DockerConfig,
  dockerConfigPath,
  entriesOf,
  helperFor,
  readDockerConfig,
  record,
} from './docker-config.js'
import { writePrivateFile } from './private-file.js'

/** Where credentials were kept. */
export interface KeptCredentials {
  /** A file's path, or a helper program. */
  readonly storedIn: string
  /** Whether they lie there readable for whoever may read the file. */
  readonly plainText: boolean
}

/** Docker's credentials file, and the helpers that it names: what `docker login` and `docker logout` change. Members of the file that
 * are not about credentials stay as they are. Registries are named as references have them. */
export interface CredentialStore {
  /** What a client would use. @throws {RegistryError} `CREDENTIALS_FAILED` */
  find(registry: string): Promise<Credentials | undefined>
  /** @throws {RegistryError} `CREDENTIALS_FAILED` */
  store(registry: string, credentials: Credentials): Promise<KeptCredentials>
  /** Resolves with whether there were any. @throws {RegistryError} `CREDENTIALS_FAILED` */
  erase(registry: string): Promise<boolean>
}

/** Nothing is read or held until a call. Default: the file that `$DOCKER_CONFIG` or the home leads to; with `dockerConfigPath: false`
 * nothing can be kept or found. */
export function openCredentialStore(
  options: Pick<RegistryClientOptions, 'dockerConfigPath' | 'env'> = {},
): CredentialStore {
  const env = options.env ?? process.env
  const { dockerConfigPath: given } = options
  const path = typeof given === 'string' ? given : dockerConfigPath(env)
  return {
    find: (registry) => credentialFinder(given === undefined ? {} : { dockerConfigPath: given }, env)(registry),
    async store(registry, credentials) {
      if (given === false) {
        const what = `Cannot keep credentials of "${registry}"`
        throw new RegistryError('CREDENTIALS_FAILED', `${what}: no credentials file may be used`)
      }
      const config = (await readDockerConfig(path)) ?? emptyConfig(path)
      const helper = helperFor(config, registry)
      if (helper === undefined) {
        await rewrite(config, registry, entryOf(credentials))
        return { storedIn: path, plainText: true }
      }
      await storeInHelper(helper, registry, credentials, env)
      // The empty entry tells that there are credentials; without it an older plain one would stay behind.
      await rewrite(config, registry, {})
      return { storedIn: helperProgram(helper), plainText: false }
    },
    async erase(registry) {
      if (given === false) return false
      const config = await readDockerConfig(path)
      if (config === undefined) return false
      const helper = helperFor(config, registry)
      const inHelper = helper !== undefined && (await eraseInHelper(helper, registry, env))
      const inFile = entriesOf(config.auths, registry).length > 0
      if (inFile) await rewrite(config, registry, undefined)
      return inHelper || inFile
    },
  }
}

function emptyConfig(path: string): DockerConfig {
  return { path, document: {}, auths: {}, credHelpers: {} }
}

function entryOf(credentials: Credentials): object {
  if ('password' in credentials) return { auth: base64(`${credentials.username}:${credentials.password}`) }
  const { username, identityToken } = credentials
  return { ...(username === undefined ? {} : { auth: base64(`${username}:`) }), identitytoken: identityToken }
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

/** Replaces a registry's entries by one, or by none. Docker writes its file with tabs. */
async function rewrite(
  { path, document, auths }: DockerConfig,
  registry: string,
  entry: object | undefined,
): Promise<void> {
  const old = new Set(entriesOf(auths, registry))
  const kept = Object.fromEntries(Object.entries(auths).filter(([name]) => !old.has(name)))
  const next = { ...kept, ...(entry === undefined ? {} : { [credentialKey(registry)]: entry }) }
  const { auths: _, ...others } = record(document)
  const whole = Object.keys(next).length === 0 ? others : { auths: next, ...others }
  await writePrivateFile(path, `${JSON.stringify(whole, null, '\t')}\n`)
}
