import type { CallOptions, Reference } from '@tsbuild/spec'
import type { RegistryClient, RegistryClientOptions } from './api.js'
import { Authorizer, type AuthorizerOptions } from './auth/authorizer.js'
import { credentialFinder } from './auth/credentials.js'
import { RegistryError } from './errors.js'
import { defaultCertsDirectories } from './http/certs-directory.js'
import { Hosts } from './http/hosts.js'
import { Redactor } from './http/redact.js'
import { RegistryHttp, type RegistryHttpOptions } from './http/registry-http.js'
import { retryPolicy } from './http/retry.js'
import { Transport } from './http/transport.js'
import { tryLogin } from './login.js'
import { fetchManifest, pushManifest } from './manifests.js'
import { Mirrors } from './mirrors.js'
import { pullBlob, readBlob } from './pull-blob.js'
import { hasBlob, pushBlob } from './push-blob.js'
import { resolveImage } from './resolve.js'
import { listTags } from './tags.js'

/** Attempts at a mirror, since there is still the registry itself. */
const mirrorAttempts = 2

/** Makes a client; nothing is read or asked before the first call. Closing it ends its connections, and with them what is under way.
 *
 * Loopback hosts and those in `insecure` are asked by HTTPS without checking the certificate, and by plain HTTP where they do not
 * speak TLS, as Docker does; every other host by HTTPS only, unless `hosts` says otherwise. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const env = options.env ?? process.env
  const policy = retryPolicy(options.retry)
  const headers = { 'user-agent': options.userAgent ?? 'tsbuild' }
  const transport = new Transport(env, options.ca ?? [], policy.idleTimeoutMs)
  const redactor = new Redactor()
  const hosts = new Hosts({
    hosts: options.hosts ?? {},
    insecure: options.insecure ?? [],
    certsDirectories: options.certsDirectories ?? defaultCertsDirectories(env),
  })
  const signing = { transport, redactor, hosts, headers, findCredentials: credentialFinder(options, env) }
  const common = { ...signing, authorizer: authorizers(signing), policy }
  const http = new RegistryHttp(common)
  const mirrorHttp = new RegistryHttp(hasty(common))
  const mirrors = new Mirrors(hosts)
  /** Pulls by `body` from a mirror, else from the registry. */
  const pull = <T>(
    reference: Reference,
    { signal }: CallOptions,
    body: (http: RegistryHttp, reference: Reference) => Promise<T>,
  ): Promise<T> => mirrors.first(reference, signal, (place, mirrored) => body(mirrored ? mirrorHttp : http, place))
  const fetch = (reference: Reference, call: CallOptions) =>
    pull(reference, call, (via, place) => fetchManifest(via, place, call))
  const closing = new AbortController()
  const open = <Options extends CallOptions>(given: Options | undefined): Options & CallOptions => {
    closing.signal.throwIfAborted()
    const signal = given?.signal === undefined ? closing.signal : AbortSignal.any([given.signal, closing.signal])
    return { ...(given as Options), signal }
  }
  return {
    resolve: async (reference, given) => resolveImage(fetch, reference, open(given)),
    fetchManifest: async (reference, given) => {
      const { descriptor, bytes } = await fetch(reference, open(given))
      return { descriptor, bytes }
    },
    readBlob: async (reference, descriptor, given) => {
      const call = open(given)
      return pull(reference, call, (via, place) => readBlob(via, place, descriptor, call))
    },
    pullBlob: async (reference, descriptor, sink, given) => {
      const call = open(given)
      return pull(reference, call, (via, place) => pullBlob(via, place, descriptor, sink, call))
    },
    hasBlob: async (reference, descriptor, given) => hasBlob(http, reference, descriptor, open(given)),
    pushBlob: async (reference, descriptor, stream, given) =>
      pushBlob(http, reference, descriptor, stream, open(given)),
    listTags: async (reference, given) => listTags(http, reference, open(given)),
    login: async (registry, credentials, given) => {
      const authorizer = new Authorizer(registry, {
        ...signing,
        findCredentials: async () => credentials,
        offline: true,
      })
      const own = new RegistryHttp({ ...common, authorizer: () => authorizer })
      return tryLogin(own, authorizer, registry, credentials, open(given))
    },
    pushManifest: async (reference, bytes, mediaType, given) =>
      pushManifest(http, reference, bytes, mediaType, open(given)),
    async [Symbol.asyncDispose]() {
      closing.abort(new RegistryError('CLIENT_CLOSED', 'Cannot reach a registry: the client is closed'))
      transport[Symbol.dispose]()
    },
  }
}

/** One for each registry, since each has its own tokens. */
function authorizers(options: AuthorizerOptions): (registry: string) => Authorizer {
  const made = new Map<string, Authorizer>()
  return (registry) => {
    let known = made.get(registry)
    if (known === undefined) {
      known = new Authorizer(registry, options)
      made.set(registry, known)
    }
    return known
  }
}

function hasty(options: RegistryHttpOptions): RegistryHttpOptions {
  const { policy } = options
  return { ...options, policy: { ...policy, attempts: Math.min(policy.attempts, mirrorAttempts) } }
}
