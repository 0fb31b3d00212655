import { type Descriptor, mediaTypes, type RepositoryStore } from '@tsbuild/spec'
import type { Exchange } from './exchange.js'
import { Failure } from './failure.js'
import { isWellFormedDigest } from './grammar.js'

/** The most that one answer lists; the rest follows by the `Link` header. */
const maxCatalog = 1000
const maxTags = 10_000
/** Referrers carry annotations, so their lists are bounded by bytes. */
const maxReferrerBytes = 2 << 20

/** GET of the repositories' names (Docker's `_catalog`). */
export function listRepositories(exchange: Exchange, { listings }: RepositoryStore): void {
  const limit = pageLimit(exchange, maxCatalog)
  const { items, more } = page(listings.repositories(lastOf(exchange)), limit)
  sendJson(exchange, { repositories: items }, more ? nextPage('/v2/_catalog', { n: limit, last: items.at(-1) }) : {})
}

/** GET of a repository's tags (distribution spec, "Listing Tags"). */
export function listTags(exchange: Exchange, { listings }: RepositoryStore, repository: string): void {
  const limit = pageLimit(exchange, maxTags)
  const tags = listings.tags(repository, lastOf(exchange))
  if (tags === undefined) throw new Failure(404, 'NAME_UNKNOWN', 'no such repository', { detail: { name: repository } })
  const { items, more } = page(tags, limit)
  const next = more ? nextPage(`/v2/${repository}/tags/list`, { n: limit, last: items.at(-1) }) : {}
  sendJson(exchange, { name: repository, tags: items }, next)
}

/** GET of the manifests that have a manifest as their subject (distribution spec, "Listing Referrers"). */
export function listReferrers(
  exchange: Exchange,
  { listings }: RepositoryStore,
  repository: string,
  subject: string,
): void {
  if (!isWellFormedDigest(subject))
    throw new Failure(400, 'DIGEST_INVALID', 'malformed digest', { detail: { digest: subject.slice(0, 300) } })
  const artifactType = exchange.query.get('artifactType') ?? undefined
  const manifests: Descriptor[] = []
  let bytes = 0
  let more = false
  for (const descriptor of listings.referrers(repository, subject, lastOf(exchange))) {
    if (artifactType !== undefined && descriptor.artifactType !== artifactType) continue
    more = bytes > maxReferrerBytes
    if (more) break
    manifests.push(descriptor)
    bytes += Buffer.byteLength(JSON.stringify(descriptor))
  }
  const path = `/v2/${repository}/referrers/${subject}`
  sendJson(
    exchange,
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
    {
      'content-type': mediaTypes.ociIndex,
      ...(artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' }),
      ...(more ? nextPage(path, { artifactType, last: manifests.at(-1)?.digest }) : {}),
    },
  )
}

/** Where the page before ended. No name is as long as what is cut off here. */
function lastOf({ query }: Exchange): string | undefined {
  return query.get('last')?.slice(0, 300)
}

function pageLimit({ query }: Exchange, most: number): number {
  const text = query.get('n')
  if (text === null || text === '') return most
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text), most)
  throw new Failure(400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results', {
    detail: { n: text.slice(0, 100) },
  })
}

/** Up to `limit` items, and whether there are others behind them. */
function page(all: Iterable<string>, limit: number): { readonly items: string[]; readonly more: boolean } {
  const items: string[] = []
  if (limit === 0) return { items, more: false }
  for (const item of all) {
    if (items.length === limit) return { items, more: true }
    items.push(item)
  }
  return { items, more: false }
}

/** RFC 8288, as the distribution spec has it. */
function nextPage(path: string, query: Readonly<Record<string, string | number | undefined>>): Record<string, string> {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value))
  return { link: `<${path}?${search}>; rel="next"` }
}

function sendJson(exchange: Exchange, value: object, headers: Readonly<Record<string, string>>): void {
  exchange.send(200, { 'content-type': 'application/json', ...headers }, JSON.stringify(value))
}
