import { readFileSync } from 'node:fs'
import type { CallOptions } from '@tsbuild/spec'
import type { RegistryClient, RegistryClientOptions } from './api.js'
import { Authorizer } from './auth/authorizer.js'
import { credentialFinder } from './auth/credentials.js'
import { RegistryError } from './errors.js'
import { Redactor } from './http/redact.js'
import { RegistryHttp } from './http/registry-http.js'
import { retryPolicy } from './http/retry.js'
import { Transport } from './http/transport.js'
import { fetchManifest, pushManifest } from './manifests.js'
import { pullBlob, readBlob } from './pull-blob.js'
import { hasBlob, pushBlob } from './push-blob.js'
import { resolveImage } from './resolve.js'

/** Makes a client; nothing is read or asked before the first call. Closing it ends its connections, and with them what is under way.
 *
 * Loopback hosts and those in `insecure` are asked by HTTPS without checking the certificate, and by plain HTTP where they do not
 * speak TLS, as Docker does; every other host by HTTPS only. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const env = options.env ?? process.env
  const insecure = options.insecure ?? []
  const policy = retryPolicy(options.retry)
  const headers = { 'user-agent': options.userAgent ?? 'tsbuild' }
  const transport = new Transport(env, trusted(options.ca ?? []), policy.idleTimeoutMs)
  const redactor = new Redactor()
  const findCredentials = credentialFinder(options, env)
  const authorizers = new Map<string, Authorizer>()
  const authorizer = (registry: string) => {
    let known = authorizers.get(registry)
    if (known === undefined) {
      known = new Authorizer(registry, { transport, findCredentials, redactor, insecure, headers })
      authorizers.set(registry, known)
    }
    return known
  }
  const http = new RegistryHttp({ transport, authorizer, redactor, insecure, headers, policy })
  const closing = new AbortController()
  const open = <Options extends CallOptions>(given: Options | undefined): Options & CallOptions => {
    closing.signal.throwIfAborted()
    const signal = given?.signal === undefined ? closing.signal : AbortSignal.any([given.signal, closing.signal])
    return { ...(given as Options), signal }
  }
  return {
    resolve: async (reference, given) => resolveImage(http, reference, open(given)),
    fetchManifest: async (reference, given) => {
      const { descriptor, bytes } = await fetchManifest(http, reference, open(given))
      return { descriptor, bytes }
    },
    readBlob: async (reference, descriptor, given) => readBlob(http, reference, descriptor, open(given)),
    pullBlob: async (reference, descriptor, sink, given) => pullBlob(http, reference, descriptor, sink, open(given)),
    hasBlob: async (reference, descriptor, given) => hasBlob(http, reference, descriptor, open(given)),
    pushBlob: async (reference, descriptor, stream, given) =>
      pushBlob(http, reference, descriptor, stream, open(given)),
    pushManifest: async (reference, bytes, mediaType, given) =>
      pushManifest(http, reference, bytes, mediaType, open(given)),
    async [Symbol.asyncDispose]() {
      closing.abort(new RegistryError('CLIENT_CLOSED', 'Cannot reach a registry: the client is closed'))
      transport[Symbol.dispose]()
    },
  }
}

/** Naming certificates replaces Node's set, in which those of `NODE_EXTRA_CA_CERTS` are. */
function trusted(ca: readonly string[]): readonly string[] {
  const extra = process.env.NODE_EXTRA_CA_CERTS
  if (ca.length === 0 || !extra) return ca
  try {
    return [...ca, readFileSync(extra, 'utf8')]
  } catch {
    // Node has warned about the file at its start.
    return ca
  }
}
