import { followRedirects } from '../files/http-get.js'

/** Where a repository is. */
export interface GitLocation {
  readonly remote: string
  /** Whether what is meant for the server that was named may be told to this one. */
  readonly trusted: boolean
}

const firstPath = '/info/refs?service=git-upload-pack'

const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()])

/** Finds where an HTTP repository has moved to, with the authorization for the server that is named. The git program sends that along to
 * whatever server it is led to, so it must not follow by itself. What can't be asked is left where it is: git tells what is wrong. */
export async function locateRepository(
  remote: string,
  authorization: string,
  signal: AbortSignal | undefined,
): Promise<GitLocation> {
  const asIs = { remote, trusted: true }
  // Git may reach what this process can't.
  if (proxies.some((name) => (process.env[name] ?? '') !== '')) return asIs
  const always = { 'user-agent': 'git/tsbuild', accept: '*/*' }
  const asked = `${remote.replace(/\/$/, '')}${firstPath}`
  const found = await followRedirects(asked, { always, authorization }, signal).catch(() => undefined)
  signal?.throwIfAborted()
  if (found === undefined) return asIs
  const { response, url, trusted } = found
  response.destroy()
  // A page to log in, say.
  if (!url.href.endsWith(firstPath)) return asIs
  return { remote: url.href === asked ? remote : url.href.slice(0, -firstPath.length), trusted }
}
