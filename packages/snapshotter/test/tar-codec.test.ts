import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { encodeHeader } from '../dist/tar/encode.js'
import { padding, type TarEntry, type TarEntryType } from '../dist/tar/entry.js'
import { decodeNumber } from '../dist/tar/numbers.js'
import { TarParser } from '../dist/tar/parser.js'
import { decodePax, decodePaxTime, encodePax } from '../dist/tar/pax.js'

const plain: TarEntry = {
  name: 'a/b',
  type: 'file',
  mode: 0o4755,
  uid: 1000,
  gid: 100,
  size: 5,
  mtimeNs: 1_600_000_000_999_999_999n,
  linkName: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
}

function parse(tar: Buffer, piece: number): { entry: TarEntry; data: string }[] {
  const found: { entry: TarEntry; data: string }[] = []
  const parser = new TarParser({
    entry: (entry) => void found.push({ entry, data: '' }),
    data(chunk) {
      found.at(-1)!.data += chunk.toString('latin1')
    },
    endEntry() {},
  })
  for (let at = 0; at < tar.length; at += piece) parser.write(tar.subarray(at, at + piece))
  parser.end()
  return found
}

const bytes = (constraints: fc.StringConstraints) =>
  fc
    .uint8Array({ minLength: constraints.minLength ?? 0, maxLength: constraints.maxLength ?? 50 })
    .map((data) => Buffer.from(data).toString('latin1'))
const component = bytes({ minLength: 1, maxLength: 255 }).map((text) => text.replace(/[\0/]/g, '_'))
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const entryTypes: readonly TarEntryType[] = [
  'file',
  'hardlink',
  'symlink',
  'character-device',
  'block-device',
  'directory',
  'fifo',
]

const anyEntry: fc.Arbitrary<TarEntry> = fc
  .record({
    name: path,
    type: fc.constantFrom(...entryTypes),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 0xff_ff_ff_fe }),
    gid: fc.integer({ min: 0, max: 0xff_ff_ff_fe }),
    size: fc.integer({ min: 0, max: 3000 }),
    mtimeNs: fc.bigInt({ min: -(2n ** 36n), max: 2n ** 36n }).map((seconds) => seconds * 1_000_000_000n),
    linkName: path,
    deviceMajor: fc.integer({ min: 0, max: 0xfff }),
    deviceMinor: fc.integer({ min: 0, max: 0xfffff }),
    xattrs: fc
      .dictionary(fc.stringMatching(/^user\.[a-z=%é]{1,9}$/), fc.uint8Array({ maxLength: 40 }))
      // an empty value in pax means that there is none
      .map((all) => new Map(Object.entries(all).map(([name, value]) => [name, Buffer.from(value)]))),
  })
  .map((entry) => ({
    ...entry,
    size: entry.type === 'file' ? entry.size : 0,
    linkName: entry.type === 'hardlink' || entry.type === 'symlink' ? entry.linkName : '',
    deviceMajor: entry.type.endsWith('device') ? entry.deviceMajor : 0,
    deviceMinor: entry.type.endsWith('device') ? entry.deviceMinor : 0,
  }))

tests('tar codec', (test) => {
  test('encodeHeader() writes the USTAR block of a plain entry, to the byte', () => {
    const block = encodeHeader(plain)
    const expected = Buffer.alloc(512)
    const fields: [number, string][] = [
      [0, 'a/b'],
      [100, '0004755\x000001750\x000000144\x0000000000005\x0013727410000\x00012006\x00 0'],
      [257, 'ustar\x0000'],
      [329, '0000000\x000000000\x00'],
    ]
    for (const [offset, text] of fields) expected.write(text, offset, 'latin1')
    const sum = block.subarray(148, 154).toString()
    expected.write(sum, 148)
    assert.equal(block, expected)
    const total = block.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0)
    assert.is(Number.parseInt(sum, 8), total)
  })

  test('encodeHeader() uses pax only for what does not fit', () => {
    const fits: Partial<TarEntry>[] = [
      { name: 'n'.repeat(100) },
      { name: `${'d'.repeat(155)}/${'n'.repeat(100)}` },
      { name: 'd'.repeat(99), type: 'directory' },
      { linkName: 'l'.repeat(100), type: 'symlink' },
      { uid: 2097151, gid: 2097151 },
      { size: 8 ** 11 - 1 },
      { mtimeNs: BigInt(8 ** 11 - 1) * 1_000_000_000n },
    ]
    for (const change of fits) assert.is(encodeHeader({ ...plain, ...change }).length, 512, Object.keys(change).join())
    const needs: [Partial<TarEntry>, string][] = [
      [{ name: 'n'.repeat(101) }, `111 path=${'n'.repeat(101)}\n`],
      [{ name: `${'d'.repeat(156)}/n` }, `168 path=${'d'.repeat(156)}/n\n`],
      [{ name: '\xc3\xa9' }, '11 path=\xc3\xa9\n'],
      [{ name: '\xff' }, '9 path=\xff\n'],
      [{ linkName: 'l'.repeat(101), type: 'symlink' }, `115 linkpath=${'l'.repeat(101)}\n`],
      [{ uid: 2097152 }, '15 uid=2097152\n'],
      [{ gid: 4294967294 }, '18 gid=4294967294\n'],
      [{ size: 8 ** 11 }, '19 size=8589934592\n'],
      [{ mtimeNs: -1n }, '12 mtime=-1\n'],
      [
        {
          xattrs: new Map([
            ['user.b', Buffer.from([0, 255])],
            ['user.a', Buffer.from('1')],
          ]),
        },
        '25 SCHILY.xattr.user.a=1\n26 SCHILY.xattr.user.b=\0\xff\n',
      ],
    ]
    for (const [change, records] of needs) {
      const header = encodeHeader({ ...plain, ...change })
      const size = decodeNumber(header, 124, 12)
      assert.is(header.toString('latin1', 512, 512 + size), records)
      assert.is(header.length, 1024 + 512 * Math.ceil(size / 512))
    }
  })

  test('TarParser reads back what encodeHeader() wrote, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 4 }), fc.integer({ min: 1, max: 2000 }), (entries, piece) => {
        const parts = entries.flatMap((entry) => [
          encodeHeader(entry),
          Buffer.alloc(entry.size, 'x'),
          Buffer.alloc(padding(entry.size)),
        ])
        const found = parse(Buffer.concat([...parts, Buffer.alloc(1024)]), piece)
        assert.is(found.length, entries.length)
        for (const [index, { entry, data }] of found.entries()) {
          assert.equal(entry, { ...entries[index]!, name: entries[index]!.name.replace(/\/+$/, '') })
          assert.is(data, 'x'.repeat(entry.size))
        }
      }),
      { numRuns: 200 },
    )
  })

  test('encodePax() counts its own length', () => {
    for (const length of [1, 5, 6, 7, 93, 94, 95, 96, 988, 989, 990, 991, 992, 9980, 9990]) {
      const record = encodePax(new Map([['k', 'v'.repeat(length)]]))
      assert.is(Number.parseInt(record.toString(), 10), record.length)
      assert.is(decodePax(record).get('k')?.length, length)
    }
  })

  test('decodePaxTime() gives nanoseconds', () => {
    const times: Record<string, bigint> = {
      '0': 0n,
      '1.5': 1_500_000_000n,
      '-1.5': -1_500_000_000n,
      '-0.000000001': -1n,
      '1.': 1_000_000_000n,
      '1.0000000019': 1_000_000_001n,
      '-1.0000000001': -1_000_000_001n,
    }
    for (const [text, expected] of Object.entries(times)) assert.is(decodePaxTime(text), expected, text)
    for (const bad of ['', '-', '.5', '1e5', ' 1', '1,5', '9'.repeat(16), 'NaN'])
      assert.throws(() => decodePaxTime(bad), /not a number/, bad)
  })

  test('decodeNumber() reads octal and base-256', () => {
    const numbers: [string, number][] = [
      ['0000644\0', 0o644],
      ['   644 \0', 0o644],
      ['\0\0\0\0\0\0\0\0', 0],
      ['        ', 0],
      ['77777777', 0o77777777],
      ['\x80\0\0\0\0\0\x01\0', 256],
      ['\xff\xff\xff\xff\xff\xff\xff\xfe', -2],
    ]
    for (const [field, expected] of numbers)
      assert.is(decodeNumber(Buffer.from(field, 'latin1'), 0, 8), expected, JSON.stringify(field))
    for (const bad of ['8       ', '12x4567\0', '-1      ', '\x80\xff\xff\xff\xff\xff\xff\xff']) {
      assert.throws(() => decodeNumber(Buffer.from(bad, 'latin1'), 0, 8), undefined, JSON.stringify(bad))
    }
  })
})
