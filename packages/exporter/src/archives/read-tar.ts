import type { ByteStream } from '@tsbuild/spec'
import { ExporterError } from '../errors.js'
import { ByteReader, truncated } from './byte-reader.js'
import { blockBytes, parseTarHeader, parseTarRecords, type TarHeader, type TarMemberKind } from './tar-header.js'

/** A member of a tar. */
export interface TarMember {
  /** As the archive has it. */
  readonly name: string
  readonly kind: TarMemberKind
  /** Where a link leads, as the archive has it. */
  readonly linkName: string
  /** Bytes of `data`. */
  readonly size: number
  /** To be read before the next member is asked for; what is left is passed over. */
  readonly data: ByteStream
}

/** Longest name, and longest set of records: nobody has longer ones, and they are held in memory. */
const extensionBytes = 1 << 20

/** Reads the members of a tar in one pass. Memory does not grow with it.
 * @throws {ExporterError} `STREAM_TRUNCATED`, `STREAM_INVALID`; errors of `stream` pass through */
export async function* readTar(stream: ByteStream): AsyncGenerator<TarMember, void> {
  const reader = new ByteReader(stream)
  let extension: Extension = {}
  try {
    for (;;) {
      const block = await reader.exactly(blockBytes)
      const header = block === undefined ? undefined : parseTarHeader(block)
      if (header === undefined) break
      if (header.kind === 'longName' || header.kind === 'longLink' || header.kind === 'records') {
        extension = { ...extension, ...(await readExtension(reader, header)) }
        continue
      }
      const { name = header.name, linkName = header.linkName, size = header.size } = extension
      const isEmpty = header.kind === 'hardlink' || header.kind === 'symlink' || header.kind === 'directory'
      extension = {}
      const data = new MemberData(reader, isEmpty ? 0 : size)
      yield { name, kind: header.kind, linkName, size: isEmpty ? 0 : size, data: data.read() }
      await data.skip()
    }
    // Who writes the archive should not see its reader go, and a compressed stream has its checksum at its end.
    while ((await reader.some(Number.POSITIVE_INFINITY)) !== undefined);
  } finally {
    await reader.close()
  }
}

interface Extension {
  readonly name?: string
  readonly linkName?: string
  readonly size?: number
}

async function readExtension(reader: ByteReader, { kind, size }: TarHeader): Promise<Extension> {
  if (size > extensionBytes)
    throw new ExporterError('STREAM_INVALID', `Cannot read tar: a header has ${size} bytes, more than any name needs`)
  const data = size === 0 ? Buffer.alloc(0) : await reader.exactly(size)
  if (data === undefined) throw truncated()
  await skip(reader, padding(size))
  if (kind !== 'records') {
    const text = data.toString('utf8').replace(/\0.*$/s, '')
    return kind === 'longName' ? { name: text } : { linkName: text }
  }
  const records = parseTarRecords(data)
  const [name, linkName, length] = ['path', 'linkpath', 'size'].map((key) => records.get(key))
  const bytes = Number(length)
  if (length !== undefined && (!Number.isSafeInteger(bytes) || bytes < 0))
    throw new ExporterError('STREAM_INVALID', 'Cannot read tar: a member has no valid size')
  return {
    ...(name === undefined ? {} : { name }),
    ...(linkName === undefined ? {} : { linkName }),
    ...(length === undefined ? {} : { size: bytes }),
  }
}

/** The data of one member. */
class MemberData {
  readonly #reader: ByteReader
  readonly #size: number
  #left: number

  constructor(reader: ByteReader, size: number) {
    this.#reader = reader
    this.#size = size
    this.#left = size
  }

  async *read(): ByteStream {
    while (this.#left > 0) {
      const piece = await this.#reader.some(this.#left)
      if (piece === undefined) throw truncated()
      this.#left -= piece.length
      yield piece
    }
  }

  /** Goes on to the next header. */
  async skip(): Promise<void> {
    await skip(this.#reader, this.#left)
    this.#left = 0
    await skip(this.#reader, padding(this.#size))
  }
}

async function skip(reader: ByteReader, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const piece = await reader.some(left)
    if (piece === undefined) throw truncated()
    left -= piece.length
  }
}

function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes
}
