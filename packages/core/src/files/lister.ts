import { deflateRawSync } from 'node:zlib'
import { type BinaryPath, toText } from './binary-path.js'
import { modeMask } from './file-types.js'
import { digestBytes, type KnownContent } from './memo-row.js'
import { type HashedPath, noOwner } from './tree-hasher.js'

/** Of longer lists none is kept. */
const mostPaths = 200_000
/** So many bytes of a digest tell two contents apart for a person's eyes. */
const shownDigestBytes = 8

const letters: Readonly<Record<HashedPath['type'], string>> = {
  directory: 'd',
  file: '-',
  symlink: 'l',
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
}

/** Notes what a selection holds, path by path, for explanations: a line each of `type mode owner content xattrs`, a NUL byte and the
 * path in the tree with a NUL byte behind it. */
export class Lister {
  private lines: string[] = []
  private paths = 0

  path(path: BinaryPath, shape: HashedPath, { contentIn, contentAt, xattrs }: KnownContent): void {
    if (++this.paths > mostPaths) return
    const owner = shape.uid === noOwner ? '' : `${shape.uid}:${shape.gid}`
    const mode = (shape.mode & modeMask).toString(8).padStart(4, '0')
    const content = shape.type === 'directory' ? '' : `${hex(contentIn, contentAt)}${shape.device || ''}`
    const facts = [letters[shape.type], mode, owner, content, xattrs === undefined ? '' : hex(xattrs, 0)]
    this.lines.push(`${facts.join(' ')}\0${toText(path)}\0`)
  }

  /** The list, deflated. */
  end(): Uint8Array | undefined {
    return this.paths > mostPaths ? undefined : deflateRawSync(this.lines.join(''), { level: 1 })
  }
}

function hex(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(digestBytes, shownDigestBytes)).toString('hex')
}
