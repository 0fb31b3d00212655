import { type CallOptions, type Digest, digestOf, formatReference, isDigest, type Reference } from '@tsbuild/spec'
import type { FetchedManifest } from './api.js'
import { RegistryError } from './errors.js'
import { readAll } from './http/body.js'
import type { ApiResponse, RegistryHttp } from './http/registry-http.js'
import { acceptedManifests, type ManifestDocument, maxManifestBytes, parseManifest } from './manifest-document.js'
import { apiPath, pullScope, pushScope } from './paths.js'

export interface VerifiedManifest extends FetchedManifest {
  readonly document: ManifestDocument
}

/** Gets a manifest or index by digest, else by tag, and verifies it. */
export async function fetchManifest(
  http: RegistryHttp,
  reference: Reference,
  { signal }: CallOptions,
): Promise<VerifiedManifest> {
  const name = formatReference(reference)
  const what = `Cannot fetch manifest of "${name}"`
  const attempts = http.attempts(signal)
  const request = {
    registry: reference.registry,
    method: 'GET',
    target: apiPath(reference, 'manifests', reference.digest ?? reference.tag ?? 'latest'),
    scopes: [pullScope(reference.repository)],
    headers: { accept: acceptedManifests.join(', ') },
    signal,
  } as const
  for (;;) {
    const response = await http.call(request, { what, host: reference.registry, notFound: 'MANIFEST_NOT_FOUND' }, [200])
    try {
      const bytes = await readAll(response.body, maxManifestBytes)
      if (bytes === undefined)
        throw new RegistryError('MANIFEST_INVALID', `${what}: it is larger than ${maxManifestBytes / 1024 ** 2} MiB`)
      const digest = verifiedDigest(bytes, reference, response, what)
      const document = parseManifest(bytes, response.headers['content-type'], name)
      return { descriptor: { mediaType: document.mediaType, digest, size: bytes.length }, bytes, document }
    } catch (error) {
      if (!(await attempts.afterError(error)))
        throw http.connectionError(error, { what, host: response.url.host, notFound: 'MANIFEST_NOT_FOUND' })
    }
  }
}

function verifiedDigest(bytes: Uint8Array, reference: Reference, response: ApiResponse, what: string): Digest {
  const digest = digestOf(bytes)
  const told = response.headers['docker-content-digest']
  const wanted = reference.digest ?? (isDigest(told) ? told : digest)
  if (digest === wanted) return digest
  throw new RegistryError('DIGEST_MISMATCH', `${what}: "${response.url.host}" sent ${digest} instead of ${wanted}`)
}

/** Puts a manifest under the reference's tag or digest, and checks the digest that the registry found. */
export async function pushManifest(
  http: RegistryHttp,
  reference: Reference,
  bytes: Uint8Array,
  mediaType: string,
  { signal }: CallOptions,
): Promise<Digest> {
  const what = `Cannot push manifest of "${formatReference(reference)}"`
  const digest = digestOf(bytes)
  if (reference.tag === undefined && reference.digest !== undefined && reference.digest !== digest) {
    throw new RegistryError('DIGEST_MISMATCH', `${what}: the manifest's digest is ${digest}`)
  }
  const response = await http.call(
    {
      registry: reference.registry,
      method: 'PUT',
      target: apiPath(reference, 'manifests', reference.tag ?? digest),
      scopes: [pushScope(reference.repository)],
      headers: { 'content-type': mediaType },
      body: () => bytes,
      signal,
    },
    { what, host: reference.registry, notFound: 'REPOSITORY_NOT_FOUND' },
    [201, 200, 202],
  )
  response.discard()
  const told = response.headers['docker-content-digest']
  if (isDigest(told) && told !== digest) {
    throw new RegistryError('DIGEST_MISMATCH', `${what}: "${response.url.host}" stored ${told} instead of ${digest}`)
  }
  return digest
}
