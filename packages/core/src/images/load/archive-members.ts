import { posix } from 'node:path'
import type { Digest } from '@tsbuild/spec'
import { CoreError } from '../../errors.js'

/** A member of an archive of images, once its bytes are in the store. */
export type ArchiveMember =
  | { readonly kind: 'blob'; readonly digest: Digest; readonly size: number }
  | { readonly kind: 'link'; readonly target: string }

const maxLinks = 16
/** Names in messages are somebody else's words. */
const shownLength = 200

/** The members of an archive by name. */
export class ArchiveMembers {
  readonly #members = new Map<string, ArchiveMember>()
  readonly #documents = new Map<string, Buffer>()

  /** @throws {CoreError} `ARCHIVE_INVALID` when another member has the name already */
  add(name: string, member: ArchiveMember): void {
    const before = this.#members.get(name)
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(member))
      throw invalid(name, 'it is there twice, with different content')
    this.#members.set(name, member)
  }

  /** A small member that is read at once. */
  addDocument(name: string, bytes: Buffer): void {
    const before = this.#documents.get(name)
    if (before !== undefined && !before.equals(bytes)) throw invalid(name, 'it is there twice, with different content')
    this.#documents.set(name, bytes)
  }

  has(name: string): boolean {
    return this.#members.has(name) || this.#documents.has(name)
  }

  /** The JSON value of a document.
   * @throws {CoreError} `ARCHIVE_INVALID` */
  json(name: string): unknown {
    const bytes = this.#documents.get(name)
    if (bytes === undefined) throw invalid(name, 'it is missing')
    try {
      return JSON.parse(bytes.toString('utf8'))
    } catch (cause) {
      throw invalid(name, `it is no JSON: ${(cause as Error).message}`, cause)
    }
  }

  /** The blob that a name leads to, links followed.
   * @throws {CoreError} `ARCHIVE_INVALID` */
  blob(name: string): Extract<ArchiveMember, { kind: 'blob' }> {
    let at = memberName(name)
    for (let links = 0; links <= maxLinks; links++) {
      const member = this.#members.get(at)
      if (member === undefined) throw invalid(name, 'it is missing')
      if (member.kind === 'blob') return member
      at = member.target
    }
    throw invalid(name, 'it is a link that leads nowhere')
  }
}

/** A member's name without `./`, checked: none leads outside of the archive.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export function memberName(name: string): string {
  const clean = posix.normalize(name).replace(/\/+$/, '')
  if (name === '' || name.includes('\0') || clean.startsWith('/') || clean === '..' || clean.startsWith('../'))
    throw invalid(name, 'it leads outside of the archive')
  return clean
}

/** Where a link of an archive leads within it.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export function linkTarget(name: string, kind: 'hardlink' | 'symlink', target: string): string {
  const path = kind === 'hardlink' || target.startsWith('/') ? target : posix.join(posix.dirname(name), target)
  try {
    return memberName(path)
  } catch {
    throw invalid(name, 'it is a link that leads outside of the archive')
  }
}

export function invalid(name: string, state: string, cause?: unknown): CoreError {
  return new CoreError('ARCHIVE_INVALID', `Cannot load archive member "${name.slice(0, shownLength)}": ${state}`, {
    ...(cause === undefined ? {} : { cause }),
  })
}
