import { CoreError } from '../errors.js'

/** What a git URL of ADD or of a context names. */
export interface GitSource {
  /** As messages name it: without credentials. */
  readonly name: string
  /** URL for the git program, without credentials, ref and folder. */
  readonly remote: string
  /** `user:password` that stood in an HTTP URL. */
  readonly credentials?: string
  /** Branch, tag, full ref or whole commit id; '' is the default branch. */
  readonly ref: string
  /** Folder of the repository, without slashes around it; '' is all of it. */
  readonly subdir: string
  /** Beginning of the commit's id that the ref must lead to. */
  readonly checksum?: string
  readonly keepGitDir?: boolean
  readonly submodules: boolean
}

const scpLike = /^[A-Za-z0-9_-]+@[A-Za-z0-9._-]+:[^?#]+/

/** Whether ADD takes a source as a git repository: `git://`, `ssh://`, `user@host:path`, or an HTTP URL whose path ends with `.git`. */
export function isGitUrl(text: string): boolean {
  if (/^(?:git|ssh):\/\//i.test(text)) return true
  return /^https?:\/\/[^?#]+\.git(?:[?#].*)?$/i.test(text) || (!/^[A-Za-z0-9]+:\/\//.test(text) && scpLike.test(text))
}

/** Parses `URL#ref:subdir` and `URL?ref=…&tag=…&branch=…&subdir=…&checksum=…&keep-git-dir=…&submodules=…`.
 * @throws {CoreError} `GIT_URL_INVALID` */
export function parseGitUrl(text: string): GitSource {
  const hash = text.indexOf('#')
  const fragment = hash < 0 ? '' : text.slice(hash + 1)
  const whole = hash < 0 ? text : text.slice(0, hash)
  const question = whole.indexOf('?')
  const address = question < 0 ? whole : whole.slice(0, question)
  const name = redactGitUrl(text)
  const colon = fragment.indexOf(':')
  const named: Named = {
    ref: decode(colon < 0 ? fragment : fragment.slice(0, colon)),
    subdir: decode(colon < 0 ? '' : fragment.slice(colon + 1)),
    submodules: true,
  }
  const asked = question < 0 ? named : readQuery(name, named, new URLSearchParams(whole.slice(question + 1)))
  const { ref, checksum = '' } = asked
  if (/^-|[\s\p{Cc}~^:?*[\\]|\.\./u.test(ref)) throw invalid(name, `"${ref}" is no ref`)
  if (checksum !== '' && !/^[0-9a-f]+$/i.test(checksum)) {
    throw invalid(name, `invalid checksum "${checksum}", expected a hex commit hash`)
  }
  return { name, ...splitCredentials(name, address), ...asked, subdir: cleanSubdir(name, asked.subdir) }
}

/** Without password, and without the user name of an HTTP URL. */
export function redactGitUrl(text: string): string {
  return text.replace(/^(https?:\/\/)[^/@?#]*@/i, '$1').replace(/^([a-z]+:\/\/[^/@?#:]*):[^/@?#]*@/i, '$1@')
}

interface Named {
  readonly ref: string
  readonly subdir: string
  readonly checksum?: string
  readonly keepGitDir?: boolean
  readonly submodules: boolean
}

function readQuery(name: string, named: Named, query: URLSearchParams): Named {
  const asked = { ...named }
  const setRef = (ref: string) => {
    if (asked.ref !== '' && asked.ref !== ref) throw invalid(name, `ref conflicts: "${asked.ref}" and "${ref}"`)
    asked.ref = ref
  }
  for (const [key, value] of new Map(query)) {
    if (query.getAll(key).length > 1) throw invalid(name, `query "${key}" has several values`)
    if (value === '' && key !== 'keep-git-dir' && key !== 'submodules')
      throw invalid(name, `query "${key}" has no value`)
    switch (key) {
      case 'ref':
        setRef(value)
        break
      case 'tag':
        setRef(value.startsWith('refs/tags/') ? value : `refs/tags/${value}`)
        break
      case 'branch':
        setRef(value.startsWith('refs/heads/') ? value : `refs/heads/${value}`)
        break
      case 'subdir':
        if (asked.subdir !== '' && asked.subdir !== value) {
          throw invalid(name, `subdir conflicts: "${asked.subdir}" and "${value}"`)
        }
        asked.subdir = value
        break
      case 'checksum':
      case 'commit':
        asked.checksum = value
        break
      case 'keep-git-dir':
        asked.keepGitDir = flag(name, key, value)
        break
      case 'submodules':
        asked.submodules = flag(name, key, value)
        break
      default:
        throw invalid(name, `unexpected query "${key}"`)
    }
  }
  return asked.ref === '' && asked.checksum !== undefined ? { ...asked, ref: asked.checksum } : asked
}

function flag(name: string, key: string, value: string): boolean {
  if (value === '' || /^(?:1|t|true)$/i.test(value)) return true
  if (/^(?:0|f|false)$/i.test(value)) return false
  throw invalid(name, `invalid ${key} value "${value}"`)
}

function splitCredentials(name: string, address: string): { remote: string; credentials?: string } {
  if (!/^https?:/i.test(address)) return { remote: address }
  let url: URL
  try {
    url = new URL(address)
  } catch {
    throw invalid(name, 'not a URL')
  }
  if (url.username === '' && url.password === '') return { remote: url.href }
  const credentials = `${decode(url.username)}:${decode(url.password)}`
  url.username = ''
  url.password = ''
  return { remote: url.href, credentials }
}

function cleanSubdir(name: string, subdir: string): string {
  const parts = subdir.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw invalid(name, `"${subdir}" leads out of the repository`)
  return parts.join('/')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function invalid(name: string, state: string): CoreError {
  return new CoreError('GIT_URL_INVALID', `Cannot use git repository "${name}": ${state}`)
}
