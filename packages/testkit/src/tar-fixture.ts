/** One entry of a hand-made tar; anything may be wrong about it on purpose. */
export interface TarFixture {
  readonly name: string | Buffer
  /** Type flag, default `0` (a file), `5` where the name ends with a slash. */
  readonly type?: string
  readonly mode?: number
  readonly uid?: number | Buffer
  readonly gid?: number | Buffer
  readonly mtime?: number | Buffer
  /** Default: the length of `data`. */
  readonly size?: number | Buffer
  readonly link?: string | Buffer
  readonly data?: string | Buffer
  readonly major?: number
  readonly minor?: number
  /** Records of a pax header that goes before it. */
  readonly pax?: Readonly<Record<string, string | Buffer>>
  readonly magic?: string
  /** Added to the checksum. */
  readonly checksumError?: number
}

export const tarEnd: Buffer = Buffer.alloc(1024)

/** Encodes entries without an end mark, and without any of the product's code. */
export function tarEntries(...entries: readonly TarFixture[]): Buffer {
  return Buffer.concat(entries.map(encodeEntry))
}

/** A whole archive. */
export function tarOf(...entries: readonly TarFixture[]): Buffer {
  return Buffer.concat([tarEntries(...entries), tarEnd])
}

/** GNU's base-256 form of a number. */
export function base256(value: bigint, length: number): Buffer {
  const field = Buffer.alloc(length)
  let rest = BigInt.asUintN(8 * length, value)
  for (let at = length - 1; at >= 0; at--) {
    field[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  field[0] = (field[0] ?? 0) | 0x80
  return field
}

function encodeEntry(entry: TarFixture): Buffer {
  const data = Buffer.from(entry.data ?? '')
  const pax = entry.pax === undefined ? [] : [encodeEntry({ name: 'pax', type: 'x', data: paxRecords(entry.pax) })]
  return Buffer.concat([...pax, header(entry, data), data, Buffer.alloc((512 - (data.length % 512)) % 512)])
}

function paxRecords(records: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
      let length = body.length
      while (String(length).length + body.length !== length) length = String(length).length + body.length
      return Buffer.concat([Buffer.from(String(length)), body])
    }),
  )
}

function header(entry: TarFixture, data: Buffer): Buffer {
  const block = Buffer.alloc(512)
  const name = Buffer.from(entry.name)
  const directory = name.at(-1) === 0x2f
  name.copy(block, 0, 0, 100)
  put(block, entry.mode ?? (directory ? 0o755 : 0o644), 100, 8)
  put(block, entry.uid ?? 0, 108, 8)
  put(block, entry.gid ?? 0, 116, 8)
  put(block, entry.size ?? data.length, 124, 12)
  put(block, entry.mtime ?? 1_600_000_000, 136, 12)
  block.write(entry.type ?? (directory ? '5' : '0'), 156, 'latin1')
  Buffer.from(entry.link ?? '').copy(block, 157, 0, 100)
  block.write(entry.magic ?? 'ustar\x0000', 257, 'latin1')
  put(block, entry.major ?? 0, 329, 8)
  put(block, entry.minor ?? 0, 337, 8)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, entry.checksumError ?? 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function put(block: Buffer, value: number | Buffer, offset: number, length: number): void {
  if (typeof value === 'number') block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1')
  else value.copy(block, offset)
}

/** What a tar says of an entry; strings are Latin-1, one character per byte. */
export interface ListedEntry {
  readonly name: string
  readonly type: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly link: string
  readonly major: number
  readonly minor: number
  readonly pax: Readonly<Record<string, string>>
  readonly data: Buffer
}

/** Reads a tar of USTAR and pax headers, as strictly as a layer has to be written: right checksums, two blocks of zeros at the end. */
export function listTar(tar: Buffer): ListedEntry[] {
  const entries: ListedEntry[] = []
  let pax: Record<string, string> = {}
  let at = 0
  for (; tar[at] !== 0; ) {
    const block = tar.subarray(at, at + 512)
    checkSum(block, at)
    const size = Number(pax.size ?? number(block, 124, 12))
    const type = text(block, 156, 1)
    const stored = '1234 56'.includes(type) && type !== ' ' ? 0 : size
    const data = tar.subarray(at + 512, at + 512 + stored)
    at += 512 + Math.ceil(stored / 512) * 512
    if (type === 'x') {
      pax = readRecords(data)
      continue
    }
    entries.push({ ...describe(block, pax), type, size, data })
    pax = {}
  }
  if (!tar.subarray(at).equals(tarEnd)) throw new Error(`the tar does not end with 1024 zeros at ${at}`)
  return entries
}

function describe(block: Buffer, pax: Record<string, string>) {
  const prefix = text(block, 345, 155)
  const name = text(block, 0, 100)
  return {
    name: pax.path ?? (prefix === '' ? name : `${prefix}/${name}`),
    mode: number(block, 100, 8),
    uid: Number(pax.uid ?? number(block, 108, 8)),
    gid: Number(pax.gid ?? number(block, 116, 8)),
    mtime: Number(pax.mtime ?? number(block, 136, 12)),
    link: pax.linkpath ?? text(block, 157, 100),
    major: number(block, 329, 8),
    minor: number(block, 337, 8),
    pax,
  }
}

function readRecords(data: Buffer): Record<string, string> {
  const records: Record<string, string> = {}
  for (let at = 0; at < data.length; ) {
    const length = Number(data.toString('latin1', at, data.indexOf(' ', at)))
    const [key = '', ...value] = data.toString('latin1', data.indexOf(' ', at) + 1, at + length - 1).split('=')
    records[key] = value.join('=')
    at += length
  }
  return records
}

function checkSum(block: Buffer, at: number): void {
  const stored = number(block, 148, 8)
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0)
  if (sum !== stored) throw new Error(`the checksum of the header at ${at} is wrong`)
}

function text(block: Buffer, offset: number, length: number): string {
  const field = block.toString('latin1', offset, offset + length)
  return field.split('\0')[0] ?? ''
}

function number(block: Buffer, offset: number, length: number): number {
  return Number.parseInt(text(block, offset, length).trim() || '0', 8)
}
