import { isIPv6 } from 'node:net'
import { type Digest, isDigest } from './digest.js'
import { SpecError } from './errors.js'

/** The name of an image, parsed and completed by Docker's rules. */
export interface Reference {
  /** Registry host with its port, e.g. `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string
  /** Path below the registry, e.g. `library/debian`. */
  readonly repository: string
  /** Set when the name had a tag, or had neither tag nor digest (then `latest`). */
  readonly tag?: string
  readonly digest?: Digest
}

const component = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/
const host =
  /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]{1,5})?$/

/** Parses an image name with Docker's defaults (docker.io, library/, latest).
 * @throws {SpecError} `REFERENCE_INVALID`, with the reason */
export function parseReference(name: string): Reference {
  const fail = (why: string, hint?: string): never => {
    throw new SpecError(
      'REFERENCE_INVALID',
      `Cannot parse image name "${name.slice(0, 300)}": ${why}`,
      hint === undefined ? {} : { hint },
    )
  }
  if (name === '') fail('it is empty')
  if (name.includes('://')) fail('it starts with a URL scheme', 'Leave the scheme out: registry/repository:tag')
  if (/^[0-9a-f]{64}$/.test(name)) fail('64 hex digits are an id, not a name')
  let rest = name
  let digest: Digest | undefined
  const at = rest.indexOf('@')
  if (at >= 0) {
    const text = rest.slice(at + 1)
    if (!isDigest(text)) fail('the part behind @ is not sha256:<64 hex digits>')
    digest = text as Digest
    rest = rest.slice(0, at)
  }
  let tag: string | undefined
  const colon = rest.lastIndexOf(':')
  if (colon > rest.lastIndexOf('/') && !(rest.startsWith('[') && rest.lastIndexOf(']') > colon)) {
    tag = rest.slice(colon + 1)
    rest = rest.slice(0, colon)
    if (!/^\w[\w.-]{0,127}$/.test(tag)) {
      fail(
        tag === '' ? 'the tag is empty' : 'the tag may have letters, digits, "_", "." and "-", and 128 of them at most',
      )
    }
  }
  const slash = rest.indexOf('/')
  const first = slash < 0 ? '' : rest.slice(0, slash)
  const named = isHostName(first)
  let registry = named ? first : 'docker.io'
  let repository = named ? rest.slice(slash + 1) : rest
  if (named && !host.test(first))
    fail(`"${first}" is not a registry host`, isIPv6(first) ? `Put brackets around the address: [${first}]` : undefined)
  const address = /^\[(.*)\]/.exec(first)?.[1]
  if (named && address !== undefined && !isIPv6(address)) fail(`"${address}" is not an IPv6 address`)
  if (named && Number(/:(\d+)$/.exec(first)?.[1] ?? 0) > 65535) fail(`the port of "${first}" is above 65535`)
  if (registry === 'index.docker.io') registry = 'docker.io'
  if (registry === 'docker.io' && !repository.includes('/')) repository = `library/${repository}`
  if (repository === '' || repository === 'library/') fail('the repository is empty')
  if (repository.length > 255) fail('the repository is longer than 255 characters')
  for (const part of repository.split('/')) {
    if (part === '') fail('the repository has an empty part')
    if (component.test(part)) continue
    if (part.toLowerCase() !== part)
      fail(
        'the repository must be lowercase',
        `Try "${name.replace(repository.replace(/^library\//, ''), repository.replace(/^library\//, '').toLowerCase())}"`,
      )
    fail(`"${part}" may have lower-case letters and digits, with ".", "_", "__" or "-" between them`)
  }
  return {
    registry,
    repository,
    ...(tag === undefined ? (digest === undefined ? { tag: 'latest' } : {}) : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/** The full name: `docker.io/library/debian:latest`. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`
}

/** The short name that Docker shows: `debian:latest`. */
export function familiarReference(reference: Reference): string {
  return `${familiarRepository(reference)}${suffix(reference)}`
}

/** The repository as Docker shows it: without `docker.io/` and `library/`, unless what is left would name another registry. */
export function familiarRepository({ registry, repository }: Reference): string {
  const first = repository.slice(0, Math.max(0, repository.indexOf('/')))
  if (registry !== 'docker.io' || isHostName(first)) return `${registry}/${repository}`
  return first === 'library' && repository.lastIndexOf('/') === first.length
    ? repository.slice('library/'.length)
    : repository
}

/** Whether what stands before the first slash is a registry, by Docker's rule. */
function isHostName(first: string): boolean {
  return first !== '' && (/[.:[]/.test(first) || first === 'localhost' || first.toLowerCase() !== first)
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}
