import { createHash } from 'node:crypto'
import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { decodeTree } from '../dist/cache/mounts/decode-tree.js'
import { encodeTree } from '../dist/cache/mounts/encode-tree.js'
import { packBytes, planPacks } from '../dist/cache/mounts/plan-packs.js'
import type { Content, MountTree, TreeEntry } from '../dist/cache/mounts/tree.js'

const plain = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, xattrs: [] }
const top: TreeEntry = { kind: 'directory', path: '', ...plain }
const directory = (path: string): TreeEntry => ({ kind: 'directory', path, ...plain })
const file = (path: string, content: number | undefined = 0): TreeEntry => ({ kind: 'file', path, ...plain, content })
const symlink = (path: string, target: string): TreeEntry => ({ kind: 'symlink', path, ...plain, target })
const link = (path: string, to: string): TreeEntry => ({ kind: 'link', path, to })

const ten: Content = {
  digest: createHash('sha256').update('abcdefghij').digest('binary'),
  size: 10,
  pack: 0,
  offset: 0,
}

const hostile: Record<string, { readonly entries: readonly TreeEntry[]; readonly change?: Partial<MountTree> }> = {
  'a path that goes up': { entries: [top, file('../escaped')] },
  'a directory that goes up': { entries: [top, directory('..'), file('../escaped')] },
  'an absolute path': { entries: [top, file('/tmp/escaped')] },
  'a path through a symlink': { entries: [top, symlink('out', '..'), file('out/escaped')] },
  'a symlink and a directory of one name': { entries: [top, symlink('out', '..'), directory('out'), file('out/x')] },
  'a dot': { entries: [top, file('.')] },
  'an empty name': { entries: [top, directory('a'), file('a//b')] },
  'a path with a zero byte': { entries: [top, file('a\0b')] },
  'a name that is too long': { entries: [top, file('x'.repeat(256))] },
  'a directory that is missing': { entries: [top, file('a/b')] },
  'a path twice': { entries: [top, file('a'), file('a')] },
  'another order': { entries: [top, file('b'), file('a')] },
  'no folder': { entries: [file('a')] },
  'nothing at all': { entries: [] },
  'a folder that is a file': { entries: [file('')] },
  'a hard link to nowhere': { entries: [top, link('a', 'b')] },
  'a hard link to the outside': { entries: [top, link('a', '../../etc/passwd')] },
  'a hard link to a symlink': { entries: [top, symlink('a', '/etc/passwd'), link('b', 'a')] },
  'a symlink without target': { entries: [top, symlink('a', '')] },
  'a content that is not there': { entries: [top, file('a', 1)] },
  'a mode with a type': { entries: [{ ...top, mode: 0o100644 } as TreeEntry] },
  'an owner that is none': { entries: [{ ...top, uid: 2 ** 32 - 1 } as TreeEntry] },
  'a security attribute': { entries: [{ ...top, xattrs: [['security.selinux', Buffer.from('x')]] } as TreeEntry] },
  'an overlay attribute': { entries: [{ ...top, xattrs: [['user.overlay.opaque', Buffer.from('y')]] } as TreeEntry] },
  'a content beyond its pack': {
    entries: [top, file('a')],
    change: { contents: [{ digest: 'x'.repeat(32), size: 11, pack: 0, offset: 0 }] },
  },
  'a content in no pack': {
    entries: [top, file('a')],
    change: { contents: [{ digest: 'x'.repeat(32), size: 10, pack: 1, offset: 0 }] },
  },
}

const isInvalid = (error: unknown) => hasCode(error, 'CACHE_INVALID')

function encoded(entries: readonly TreeEntry[], change: Partial<MountTree> = {}): Buffer {
  return encodeTree({ packs: [10], contents: [ten], entries, ...change })
}

/** Throws for anything but a list that may be refused, or that is taken as it stands. */
function checkTaken(bytes: Buffer): void {
  try {
    const tree = decodeTree(bytes)
    assert.ok(encodeTree(tree).equals(bytes), 'the list has another form')
    const paths = tree.entries.map(({ path }) => path)
    assert.is(new Set(paths).size, paths.length)
    assert.not.ok(paths.some((path) => path.startsWith('/') || path.split('/').includes('..')))
  } catch (error) {
    if (!isInvalid(error)) throw error
  }
}

/** Random directories of random paths, in the order of the walk. */
const name = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.', '\xff', ' '), minLength: 1, maxLength: 3 })
const trees: fc.Arbitrary<MountTree> = fc
  .array(
    fc.record({
      name: name.filter((text) => text !== '.' && text !== '..'),
      depth: fc.nat(3),
      kind: fc.constantFrom('directory' as const, 'file' as const, 'symlink' as const, 'link' as const),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
      mtimeNs: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
      value: fc.uint8Array({ maxLength: 4 }),
    }),
    { maxLength: 20 },
  )
  .map((nodes) => {
    const children = new Map<string, Map<string, TreeEntry>>([['', new Map()]])
    const files: string[] = []
    for (const { name, depth, kind, mode, uid, mtimeNs, value } of nodes) {
      const parents = [...children.keys()]
      const parent = parents[depth % parents.length] ?? ''
      const siblings = children.get(parent)
      if (siblings === undefined || siblings.has(name)) continue
      const path = parent === '' ? name : `${parent}/${name}`
      const own = { path, mode, uid, gid: 0, mtimeNs, xattrs: [['user.x', Buffer.from(value)]] as const }
      if (kind === 'directory') {
        siblings.set(name, { kind, ...own })
        children.set(path, new Map())
      } else if (kind === 'symlink') siblings.set(name, { kind, ...own, target: '/x' })
      else if (kind === 'file') siblings.set(name, { kind, ...own, content: mode % 2 === 0 ? 0 : undefined })
      if (kind === 'file') files.push(path)
    }
    const entries: TreeEntry[] = [top]
    const visit = (path: string) => {
      const below = [...(children.get(path) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [, entry] of below) {
        entries.push(entry)
        visit(entry.path)
      }
    }
    visit('')
    return { packs: [10], contents: [ten], entries }
  })

tests('lists and packs of cache mounts', (test) => {
  test('encodeTree() writes what decodeTree() reads', () => {
    fc.assert(fc.property(trees, (tree) => assert.equal(decodeTree(encodeTree(tree)), tree)))
  })

  test('encodeTree() writes these bytes', () => {
    const entries: TreeEntry[] = [{ ...top, mtimeNs: 1n } as TreeEntry, file('ab'), link('ac', 'ab')]
    const head = Buffer.concat([
      Buffer.from('tsbuild cache mount 1\n'),
      Buffer.from([1, 10, 1]),
      Buffer.from(ten.digest, 'latin1'),
      Buffer.from([10, 0, 0, 3]),
    ])
    const mode = [0xed, 0x03]
    const rest = [
      ...[0x64, 0, 0, ...mode, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      ...[0x66, 0, 2, 0x61, 0x62, ...mode, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      ...[0x68, 1, 1, 0x63, 2, 0x61, 0x62],
    ]
    assert.is(encoded(entries).toString('hex'), Buffer.concat([head, Buffer.from(rest)]).toString('hex'))
  })

  test('decodeTree() takes changed bytes only where they are a list again, and no path leaves it', () => {
    fc.assert(
      fc.property(trees, fc.nat(), fc.nat(255), (tree, at, value) => {
        const bytes = encodeTree(tree)
        bytes[at % bytes.length] = value
        checkTaken(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  test('decodeTree() refuses every list that is cut off or goes on', () => {
    const bytes = encoded([top, file('a'), directory('b'), file('b/c', undefined), link('b/d', 'a'), symlink('f', '/')])
    decodeTree(bytes)
    for (let end = 0; end < bytes.length; end++) assert.throws(() => decodeTree(bytes.subarray(0, end)), isInvalid)
    assert.throws(() => decodeTree(Buffer.concat([bytes, Buffer.from([0])])), isInvalid)
  })

  test('decodeTree() refuses counts that its input does not justify', () => {
    const magic = Buffer.from('tsbuild cache mount 1\n')
    const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
    for (const counts of [[huge], [Buffer.from([0]), huge], [Buffer.from([0, 0]), huge], [Buffer.from([0x80, 0])]]) {
      assert.throws(() => decodeTree(Buffer.concat([magic, ...counts])), isInvalid)
    }
  })

  for (const [title, { entries, change }] of Object.entries(hostile)) {
    test(`decodeTree() refuses ${title}`, () => {
      assert.throws(() => decodeTree(encoded(entries, change)), isInvalid)
    })
  }

  /** Packs by the sizes of their contents, which are named `<pack>.<n>`. */
  const packed = (...packs: number[][]): MountTree => ({
    packs: packs.map((sizes) => sizes.reduce((sum, size) => sum + size, 0)),
    contents: packs.flatMap((sizes, pack) =>
      sizes.map((size, n) => {
        const offset = sizes.slice(0, n).reduce((sum, before) => sum + before, 0)
        return { digest: `${pack}.${n}`, size, pack, offset }
      }),
    ),
    entries: [],
  })
  const plan = (tree: MountTree | undefined, wanted: readonly string[], lost: readonly number[] = []) => {
    const { kept, missing, contents } = planPacks(tree, new Set(wanted), (pack) => !lost.includes(pack))
    return { kept, missing, contents: contents.map(({ digest, pack }) => `${digest} in ${pack}`) }
  }

  test('planPacks() packs what is new, and lets packs without use go', () => {
    assert.equal(plan(undefined, ['x']), { kept: [], missing: ['x'], contents: [] })
    assert.equal(plan(packed([1], [1]), ['1.0', 'x']), { kept: [1], missing: ['x'], contents: ['1.0 in 0'] })
    assert.equal(plan(packed([1], [1]), ['0.0', '1.0'], [0]), {
      kept: [1],
      missing: ['0.0'],
      contents: ['1.0 in 0'],
    })
  })

  test('planPacks() packs anew what is mostly without use, when most of all is', () => {
    const tree = packed([5, 5], [1, 9], [10])
    assert.equal(plan(tree, ['0.0', '1.0', '2.0']), {
      kept: [0, 1, 2],
      missing: [],
      contents: ['0.0 in 0', '1.0 in 1', '2.0 in 2'],
    })
    assert.equal(plan(packed([5, 5], [1, 99]), ['0.0', '1.0']), { kept: [0], missing: ['1.0'], contents: ['0.0 in 0'] })
  })

  test('planPacks() packs small packs anew when there are too many', () => {
    const tree = packed(...Array.from({ length: 32 }, (_, at) => [100 + at]))
    const all = tree.contents.map(({ digest }) => digest)
    assert.is(plan(tree, all).kept.length, 32)
    const { kept, missing } = plan(tree, [...all, 'x'])
    assert.equal(
      kept,
      Array.from({ length: 16 }, (_, at) => 16 + at),
    )
    assert.is(missing.length, 17)
    const large = packed(...Array.from({ length: 60 }, () => [packBytes]))
    assert.is(plan(large, [...large.contents.map(({ digest }) => digest), 'x']).kept.length, 60)
  })
})
