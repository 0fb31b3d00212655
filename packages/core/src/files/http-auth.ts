/** The `Authorization` header that a build's secrets have for a URL's host (without port): `HTTP_AUTH_TOKEN_<host>` is a bearer token,
 * `HTTP_AUTH_HEADER_<host>` the whole value. As in BuildKit the token counts where both are there. */
export function httpAuthorization(url: string, secrets: ReadonlyMap<string, Uint8Array>): string | undefined {
  if (secrets.size === 0 || !URL.canParse(url)) return undefined
  const { hostname } = new URL(url)
  const token = secretText(secrets, `HTTP_AUTH_TOKEN_${hostname}`)
  return token === undefined ? secretText(secrets, `HTTP_AUTH_HEADER_${hostname}`) : `Bearer ${token}`
}

/** A secret's value without the white space around it, since files end with a line break. */
function secretText(secrets: ReadonlyMap<string, Uint8Array>, id: string): string | undefined {
  const bytes = secrets.get(id)
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8').trim()
}
