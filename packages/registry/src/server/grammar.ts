import { type Digest, isDigest } from '@tsbuild/spec'
import { Failure } from './failure.js'

const namePattern = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/
const tagPattern = /^\w[\w.-]{0,127}$/
const digestPattern = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{1,256}$/
/** Hex digits of the algorithms that the image spec registers. */
const registered: Readonly<Record<string, number>> = { sha256: 64, sha512: 128, blake3: 64 }
const maxNameLength = 255

/** Whether a repository's name is well formed (distribution spec, "Pulling manifests"). */
export function isName(name: string): boolean {
  return name.length <= maxNameLength && namePattern.test(name)
}

export function isTag(tag: string): boolean {
  return tagPattern.test(tag)
}

/** @throws {Failure} `NAME_INVALID` */
export function checkName(name: string): string {
  if (isName(name)) return name
  throw new Failure(400, 'NAME_INVALID', 'invalid repository name', { detail: { name: name.slice(0, 300) } })
}

/** Whether a digest is well formed, of whatever algorithm (image spec, descriptor.md "Digests"). */
export function isWellFormedDigest(text: string): boolean {
  if (!digestPattern.test(text)) return false
  const [algorithm = '', encoded = ''] = text.split(':')
  const length = registered[algorithm]
  return length === undefined || (encoded.length === length && /^[0-9a-f]+$/.test(encoded))
}

/** The digest of something to look up: `undefined` for one of an algorithm that nothing here is kept by.
 * @throws {Failure} `DIGEST_INVALID` */
export function lookUpDigest(text: string): Digest | undefined {
  if (isDigest(text)) return text
  if (isWellFormedDigest(text)) return undefined
  throw malformed(text)
}

/** The digest of something to store.
 * @throws {Failure} `DIGEST_INVALID` */
export function storeDigest(text: string): Digest {
  if (isDigest(text)) return text
  if (!isWellFormedDigest(text)) throw malformed(text)
  throw new Failure(400, 'DIGEST_INVALID', `digests of "${text.split(':')[0]}" are not supported, only sha256`, {
    detail: { digest: text },
  })
}

function malformed(text: string): Failure {
  return new Failure(400, 'DIGEST_INVALID', 'malformed digest', { detail: { digest: text.slice(0, 300) } })
}
