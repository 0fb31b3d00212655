import { RegistryError } from '../../errors.js'

const bcrypt = /^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/
const others: readonly (readonly [begins: string, name: string])[] = [
  ['$apr1$', 'MD5 (apr1)'],
  ['{SHA}', 'SHA-1'],
  ['$5$', 'SHA-256 crypt'],
  ['$6$', 'SHA-512 crypt'],
  ['$1$', 'MD5 crypt'],
]

/** Reads an htpasswd file: user → bcrypt hash. Hashes of other kinds are refused, since they can be guessed too fast.
 * @param path for messages
 * @throws {RegistryError} `HTPASSWD_INVALID`; it names the line and never what is in it */
export function parseHtpasswd(text: string, path: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    if (colon < 1) throw invalid(path, index, 'it is not "user:hash"')
    const hash = line.slice(colon + 1)
    if (!bcrypt.test(hash)) throw invalid(path, index, `it has ${kindOf(hash)}, not a bcrypt hash`)
    users.set(line.slice(0, colon), hash)
  }
  return users
}

function kindOf(hash: string): string {
  const known = others.find(([begins]) => hash.startsWith(begins))
  if (known !== undefined) return `a hash of kind ${known[1]}`
  return hash.startsWith('$2') ? 'a damaged hash' : 'a plain password or a crypt hash'
}

function invalid(path: string, index: number, state: string): RegistryError {
  return new RegistryError(
    'HTPASSWD_INVALID',
    `Cannot read htpasswd file "${path}": line ${index + 1} is not usable, ${state}`,
    {
      hint: 'Make it with "htpasswd -B"',
    },
  )
}
