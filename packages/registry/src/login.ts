import type { CallOptions } from '@tsbuild/spec'
import type { Credentials } from './api.js'
import type { Authorizer } from './auth/authorizer.js'
import type { RegistryHttp } from './http/registry-http.js'

/** Asks a registry who we are (distribution spec, "Determining Support"), signing with `authorizer`.
 * @returns what should be kept: the identity token, where the registry gave one, else the credentials as they are */
export async function tryLogin(
  http: RegistryHttp,
  authorizer: Authorizer,
  registry: string,
  credentials: Credentials,
  { signal }: CallOptions,
): Promise<Credentials> {
  const response = await http.call(
    { registry, method: 'GET', target: '/v2/', scopes: [], signal },
    { what: `Cannot log in to "${registry}"`, host: registry, notFound: 'REGISTRY_FAILED' },
    [200],
  )
  response.discard()
  const { identityToken } = authorizer
  if (identityToken === undefined) return credentials
  const { username } = credentials
  return { identityToken, ...(username === undefined ? {} : { username }) }
}
