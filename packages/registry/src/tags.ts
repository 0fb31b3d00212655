import { type CallOptions, formatReference, type Reference } from '@tsbuild/spec'
import { RegistryError } from './errors.js'
import { readAll } from './http/body.js'
import type { Purpose } from './http/failure.js'
import type { ApiResponse, RegistryHttp } from './http/registry-http.js'
import { pullScope } from './paths.js'

/** A page of names is no longer than this, in bytes; and a list has no more pages. */
const maxPageBytes = 4 * 1024 * 1024
const maxPages = 1000

/** The tags of a repository (distribution spec, "Listing Tags"), page by page. */
export async function listTags(http: RegistryHttp, reference: Reference, { signal }: CallOptions): Promise<string[]> {
  const { registry, repository } = reference
  const purpose: Purpose = {
    what: `Cannot list tags of "${formatReference({ registry, repository })}"`,
    host: registry,
    notFound: 'REPOSITORY_NOT_FOUND',
  }
  const tags: string[] = []
  let target: string | URL = `/v2/${repository}/tags/list`
  for (let page = 0; page < maxPages; page++) {
    const request = { registry, method: 'GET', target, scopes: [pullScope(repository)], signal } as const
    const response: ApiResponse = await http.call(request, purpose, [200])
    tags.push(...parsePage(await readAll(response.body, maxPageBytes), purpose))
    const next = nextPage(response)
    if (next === undefined) return tags
    target = next
  }
  throw new RegistryError('REGISTRY_FAILED', `${purpose.what}: it has more than ${maxPages} pages`)
}

function parsePage(bytes: Buffer | undefined, { what }: Purpose): string[] {
  const invalid = () => new RegistryError('REGISTRY_FAILED', `${what}: the answer is no list of tags`)
  if (bytes === undefined) throw invalid()
  let answer: { readonly tags?: unknown }
  try {
    answer = JSON.parse(bytes.toString('utf8')) as typeof answer
  } catch {
    throw invalid()
  }
  // A repository without tags says null.
  const tags = answer?.tags ?? []
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string' && /^\w[\w.-]{0,127}$/.test(tag)))
    throw invalid()
  return tags as string[]
}

/** The `Link` header's URL (RFC 8288), on the same host only. */
function nextPage({ headers, url }: ApiResponse): URL | undefined {
  const link = /<([^>]*)>\s*;[^,]*rel="?next"?/i.exec(String(headers.link ?? ''))?.[1]
  if (link === undefined || !URL.canParse(link, url.href)) return undefined
  const next = new URL(link, url)
  return next.origin === url.origin ? next : undefined
}
