import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { RegistryHost } from '../api.js'
import { RegistryError } from '../errors.js'
import { type Certificates, readCertificates } from './certs-directory.js'
import { isInsecure } from './endpoint.js'
import { type Mirror, parseMirror } from './mirror-name.js'

/** How TLS is spoken to a host. */
export interface TlsSettings {
  /** Whether its certificate is accepted unseen. */
  readonly insecure: boolean
  /** PEM texts, trusted besides the usual ones. */
  readonly ca: readonly string[]
  readonly cert?: string
  readonly key?: string
}

export interface HostSettings extends TlsSettings {
  /** `fallback`: where the host does not speak TLS. */
  readonly plainHttp: 'always' | 'fallback' | 'never'
  readonly mirrors: readonly Mirror[]
}

export interface HostsOptions {
  readonly hosts: Readonly<Record<string, RegistryHost>>
  readonly insecure: readonly string[]
  readonly certsDirectories: readonly string[]
}

/** What is known of hosts beforehand: from the program, and from Docker's folders of certificates. Each is read once. */
export class Hosts {
  readonly #given: ReadonlyMap<string, RegistryHost>
  readonly #options: HostsOptions
  readonly #known = new Map<string, Promise<HostSettings>>()

  constructor(options: HostsOptions) {
    this.#options = options
    this.#given = new Map(Object.entries(options.hosts).map(([name, host]) => [keyOf(name), host]))
  }

  /** Settings of a host as references or URLs have it. @throws {RegistryError} `SETTINGS_INVALID` */
  async of(host: string): Promise<HostSettings> {
    const key = keyOf(host)
    let known = this.#known.get(key)
    if (known === undefined) {
      known = this.#load(key)
      this.#known.set(key, known)
    }
    return known
  }

  /** TLS settings for a request that a registry asked for. Authorities that were named for the registry hold for its token service and
   * its storage, too; client certificates are for their own host. */
  async tls(host: string, registry: string): Promise<TlsSettings> {
    const own = await this.of(host)
    if (keyOf(host) === keyOf(registry)) return own
    const { ca } = await this.of(registry)
    return ca.length === 0 ? own : { ...own, ca: [...own.ca, ...ca] }
  }

  async #load(key: string): Promise<HostSettings> {
    const given = this.#given.get(key) ?? {}
    const found = await readCertificates(this.#options.certsDirectories, key)
    const insecure = given.insecure ?? isInsecure(key, this.#options.insecure)
    const tls = { insecure, ...(await certificates(key, given, found)) }
    return {
      ...tls,
      plainHttp:
        given.plainHttp === undefined ? (insecure ? 'fallback' : 'never') : given.plainHttp ? 'always' : 'never',
      mirrors: (given.mirrors ?? []).map((mirror) => parseMirror(mirror, key)),
    }
  }
}

async function certificates(
  host: string,
  given: RegistryHost,
  found: Certificates,
): Promise<Omit<TlsSettings, 'insecure'>> {
  if ((given.cert === undefined) !== (given.key === undefined)) {
    throw invalid(host, `"${given.cert === undefined ? 'cert' : 'key'}" is missing: a client certificate has both`)
  }
  const ca = given.ca === undefined ? found.ca : [await pem(host, 'ca', given.ca)]
  const client =
    given.cert === undefined || given.key === undefined
      ? found.client
      : { cert: await pem(host, 'cert', given.cert), key: await pem(host, 'key', given.key) }
  if (ca.length > 0 || client !== undefined) check(host, { ca, ...client })
  return { ca, ...client }
}

/** What OpenSSL would refuse at each connection is refused once, with the host's name. */
function check(
  host: string,
  tls: { readonly ca: readonly string[]; readonly cert?: string; readonly key?: string },
): void {
  try {
    createSecureContext({ ...tls, ca: [...tls.ca] })
  } catch (cause) {
    throw invalid(host, `its certificates or key can't be used: ${(cause as Error).message}`, cause)
  }
}

async function pem(host: string, member: string, value: string): Promise<string> {
  if (value.includes('-----BEGIN ')) return value
  const text = await readFile(value, 'utf8').catch((cause: Error) => {
    throw invalid(host, `"${member}" can't be read: ${cause.message}`, cause)
  })
  if (!text.includes('-----BEGIN ')) throw invalid(host, `"${member}" (${value}) is not in PEM form`)
  return text
}

function invalid(host: string, why: string, cause?: unknown): RegistryError {
  return new RegistryError('SETTINGS_INVALID', `Cannot use settings of registry "${host}": ${why}`, { cause })
}

/** The name under which a host is known: Docker Hub's is that of references, and 443 is nobody's port in particular. */
function keyOf(host: string): string {
  const name = host.toLowerCase().replace(/:443$/, '')
  return name === 'registry-1.docker.io' || name === 'index.docker.io' ? 'docker.io' : name
}
