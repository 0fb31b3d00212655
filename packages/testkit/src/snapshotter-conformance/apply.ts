import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import {
  type CreateSnapshotter,
  inPieces,
  layer,
  openFixture,
  type SnapshotterFixture,
} from '../snapshotter-fixture.js'
import { base256, type TarFixture, tarEnd, tarEntries, tarOf } from '../tar-fixture.js'
import type { RegisterTest } from '../tests.js'
import { rejects } from './lifecycle.js'

/** Tars that must be refused, with a word of the message. */
const invalid: Record<string, { readonly tar: Buffer; readonly why: RegExp }> = {
  'a name that climbs out': { tar: tarOf({ name: '../evil', data: 'x' }), why: /"\.\.\/evil".*leads out/ },
  'a name that climbs out later': { tar: tarOf({ name: 'a/../../evil', data: 'x' }), why: /leads out/ },
  'a hard link to outside': { tar: tarOf({ name: 'l', type: '1', link: '../../sentinel' }), why: /"l".*leads out/ },
  'a hard link to an absolute name': { tar: tarOf({ name: 'l', type: '1', link: '/etc/passwd' }), why: /not there/ },
  'a hard link through a link to outside': {
    tar: tarOf({ name: 'up', type: '2', link: '/etc' }, { name: 'l', type: '1', link: 'up/passwd' }),
    why: /not there/,
  },
  'a hard link to a directory': { tar: tarOf({ name: 'd/' }, { name: 'l', type: '1', link: 'd' }), why: /directory/ },
  'a hard link to what comes later': {
    tar: tarOf({ name: 'l', type: '1', link: 'f' }, { name: 'f', data: 'x' }),
    why: /"f" is not there/,
  },
  'a hard link to a whiteout': { tar: tarOf({ name: '.wh.f' }, { name: 'l', type: '1', link: 'f' }), why: /not there/ },
  'an entry below a file': {
    tar: tarOf({ name: 'f', data: 'x' }, { name: 'f/g', data: 'x' }),
    why: /"f\/g".*not a directory/,
  },
  'links in a loop': {
    tar: tarOf({ name: 'a', type: '2', link: 'b' }, { name: 'b', type: '2', link: 'a' }, { name: 'a/x', data: '' }),
    why: /loop/,
  },
  'a link without a target': { tar: tarOf({ name: 'l', type: '2', link: '' }), why: /empty/ },
  'a root that is a file': {
    tar: tarOf({ name: './', type: '0', mode: 0o644, pax: { path: '.' } }),
    why: /root must be/,
  },
  'a whiteout of nothing': { tar: tarOf({ name: 'd/.wh.' }), why: /names nothing/ },
  'a whiteout of the parent': { tar: tarOf({ name: 'd/.wh...' }), why: /names nothing/ },
  'a whiteout of itself': { tar: tarOf({ name: '.wh..' }), why: /names nothing/ },
  'an entry below a whiteout': { tar: tarOf({ name: '.wh.d/x', data: '' }), why: /cannot be a directory/ },
  'a component of 256 bytes': { tar: tarOf({ name: 'x', pax: { path: 'n'.repeat(256) } }), why: /longer than 255/ },
  'a path of 5000 bytes': { tar: tarOf({ name: 'x', pax: { path: 'n/'.repeat(2500) } }), why: /longer than 3500/ },
  'a path that links make too long': {
    tar: tarOf(
      { name: 'l', type: '2', pax: { linkpath: 'n/'.repeat(1000) } },
      { name: 'x', pax: { path: `l/l/${'m/'.repeat(1700)}` } },
    ),
    why: /longer than 3500|loop/,
  },
  'a name with a NUL': { tar: tarOf({ name: 'x', pax: { path: 'a\0b' } }), why: /not usable/ },
  'a wrong checksum': { tar: tarOf({ name: 'ok', data: 'x' }, { name: 'bad', checksumError: 1 }), why: /checksum/ },
  'a file that is cut off': {
    tar: tarOf({ name: 'cut', data: 'x'.repeat(600) }).subarray(0, 1000),
    why: /"cut".*truncated/,
  },
  'a header that is cut off': { tar: tarOf({ name: 'cut', data: 'x' }).subarray(0, 300), why: /truncated/ },
  'a pax header without its entry': { tar: tarEntries({ name: 'p', type: 'x', data: '9 path=a\n' }), why: /truncated/ },
  'a pax header before the end': { tar: tarOf({ name: 'p', type: 'x', data: '9 path=a\n' }), why: /extended header/ },
  'a pax header of 2 GiB': { tar: tarOf({ name: 'p', type: 'x', size: 2 ** 31 }), why: /too large/ },
  'a long name of 2 MiB': { tar: tarOf({ name: 'p', type: 'L', size: 2 ** 21 }), why: /too large/ },
  'a pax record without a length': { tar: tarOf({ name: 'p', type: 'x', data: 'path=a\n' }), why: /length/ },
  'a pax record that is too long': { tar: tarOf({ name: 'p', type: 'x', data: '99 path=a\n' }), why: /length/ },
  'a pax record that overlaps': { tar: tarOf({ name: 'p', type: 'x', data: '3 path=a\n' }), why: /length/ },
  'a pax size that is no number': { tar: tarOf({ name: 'f', pax: { size: '1e3' } }), why: /size/ },
  'a negative size': { tar: tarOf({ name: 'f', size: base256(-1n, 12) }), why: /negative/ },
  'a size beyond 2^53': { tar: tarOf({ name: 'f', size: base256(1n << 70n, 12) }), why: /range/ },
  'the uid that means "as it is"': { tar: tarOf({ name: 'f', pax: { uid: '4294967295' } }), why: /uid/ },
  'a negative gid': { tar: tarOf({ name: 'f', gid: base256(-2n, 8) }), why: /gid/ },
  'a number that is not octal': { tar: tarOf({ name: 'f', mtime: Buffer.from('12345678999\0') }), why: /octal/ },
  'a sparse file of GNU': { tar: tarOf({ name: 'f', type: 'S' }), why: /sparse/ },
  'a sparse file in pax': { tar: tarOf({ name: 'f', pax: { 'GNU.sparse.major': '1' } }), why: /sparse/ },
  'an unknown type': { tar: tarOf({ name: 'f', type: 'V' }), why: /"V"/ },
  'no tar at all': { tar: Buffer.alloc(2048, 'garbage '), why: /octal|checksum/ },
  'data after one block of zeros': {
    tar: Buffer.concat([Buffer.alloc(512), tarOf({ name: 'f' })]),
    why: /after a block of zeros/,
  },
}

/** Odd tars that must work: what a script shows of the layer. */
const odd: Record<string, { readonly tar: Buffer; readonly show: string; readonly expected: string }> = {
  'absolute and dotted names': {
    tar: tarOf(
      { name: '/a', data: '1' },
      { name: './b', data: '2' },
      { name: 'c/./d/../e', data: '3' },
      { name: './' },
    ),
    show: 'find . -type f | sort; cat a b c/e',
    expected: './a\n./b\n./c/e\n123',
  },
  'a link to outside, and entries through it': {
    tar: tarOf(
      { name: 'up', type: '2', link: '../../../..' },
      { name: 'etc', type: '2', link: '/real' },
      { name: 'up/one', data: '1' },
      { name: 'etc/two', data: '2' },
    ),
    show: 'find . -type f | sort; readlink up etc',
    expected: './one\n./real/two\n../../../..\n/real',
  },
  'the last of several entries of one name': {
    tar: tarOf({ name: 'f', data: 'first', mode: 0o600 }, { name: 'f', data: 'second', mode: 0o640 }),
    show: 'cat f; stat -c " %a" f',
    expected: 'second 640',
  },
  'a file replaced by a directory, and the other way': {
    tar: tarOf(
      { name: 'a', data: 'x' },
      { name: 'a/' },
      { name: 'a/b', data: 'y' },
      { name: 'c/' },
      { name: 'c/d', data: '' },
      { name: 'c', data: 'z' },
    ),
    show: 'cat a/b c',
    expected: 'yz',
  },
  'a directory replaced by a link to outside': {
    tar: tarOf({ name: 'd/', mtime: 1 }, { name: 'd/e/', mode: 0o700 }, { name: 'd', type: '2', link: '/tmp' }),
    show: 'readlink d',
    expected: '/tmp',
  },
  'a directory named twice: the last attributes, all entries': {
    tar: tarOf({ name: 'd/', mode: 0o700 }, { name: 'd/f', data: 'x' }, { name: 'd/', mode: 0o711, mtime: 5 }),
    show: 'stat -c "%a %Y" d; cat d/f',
    expected: '711 5\nx',
  },
  'implied directories': {
    tar: tarOf({ name: 'a/b/c', data: 'x' }),
    show: 'stat -c "%a %u %g %Y" a a/b',
    expected: '755 0 0 0\n755 0 0 0',
  },
  "GNU's long names": {
    tar: tarOf(
      { name: '././@LongLink', type: 'L', data: `${'n'.repeat(120)}\0` },
      { name: 'nnn', data: 'x', magic: 'ustar  \0' },
      { name: '././@LongLink', type: 'K', data: `${'t'.repeat(130)}\0` },
      { name: 'l', type: '2', link: 'ttt', magic: 'ustar  \0' },
    ),
    show: `cat ${'n'.repeat(120)}; readlink l`,
    expected: `x${'t'.repeat(130)}`,
  },
  'base-256 numbers': {
    tar: tarOf({ name: 'f', uid: base256(4294967294n, 8), gid: base256(300000000n, 8), mtime: base256(-7n, 12) }),
    show: 'stat -c "%u %g %Y" f',
    expected: '4294967294 300000000 -7',
  },
  'pax times with fractions': {
    tar: tarOf(
      { name: 'a', pax: { mtime: '1.123456789' } },
      { name: 'b/', pax: { mtime: '-1.5' } },
      { name: 'c', pax: { mtime: '2.5' }, type: '2', link: 'x' },
    ),
    show: 'stat -c "%.9Y" a b c',
    expected: '1.123456789\n-1.500000000\n2.500000000',
  },
  'pax names, sizes and owners': {
    tar: tarOf({
      name: 'short',
      data: 'abc',
      size: 0,
      uid: 1,
      pax: { path: 'd/é', size: '3', uid: '70000', linkpath: 'x', comment: '=' },
    }),
    show: 'cat d/*; stat -c " %u" d/*',
    expected: 'abc 70000',
  },
  'a global pax header': {
    tar: tarOf({ name: 'g', type: 'g', data: '13 comment=x\n' }, { name: 'f', data: 'x' }),
    show: 'cat f',
    expected: 'x',
  },
  'headers of before POSIX': {
    tar: tarOf(
      { name: 'd/', type: '\0', magic: '\0\0\0\0\0\0\0\0' },
      { name: 'd/f', type: '\0', data: 'x', magic: '\0\0\0\0\0\0\0\0' },
    ),
    show: 'cat d/f',
    expected: 'x',
  },
  'no end mark': { tar: tarEntries({ name: 'f', data: 'x' }), show: 'cat f', expected: 'x' },
  'an empty stream': { tar: Buffer.alloc(0), show: 'ls', expected: '' },
  'private files of aufs': {
    tar: tarOf(
      { name: '.wh..wh.plnk/', type: '5' },
      { name: '.wh..wh.plnk/1.2', data: 'x' },
      { name: '.wh..wh.aufs' },
      { name: 'f', data: 'y' },
    ),
    show: 'find . -type f; cat f',
    expected: './f\ny',
  },
  'names that are not UTF-8': {
    tar: tarOf(
      { name: Buffer.from('a\xff', 'latin1'), data: 'x' },
      { name: 'p', data: 'y', pax: { path: Buffer.from('d/\xfe', 'latin1') } },
    ),
    show: 'cat "$(printf "a\\377")" "$(printf "d/\\376")"',
    expected: 'xy',
  },
}

/** Layers above a base of `d/{a,b,sub/c}`, `f` and `keep`, and what is then left. */
const hiding: Record<string, { readonly entries: readonly TarFixture[]; readonly files: string }> = {
  'a file': { entries: [{ name: '.wh.f' }], files: 'd/a d/b d/sub/c keep' },
  'a directory': { entries: [{ name: '.wh.d' }], files: 'f keep' },
  'what is not there': { entries: [{ name: '.wh.none' }, { name: 'd/.wh.none' }], files: 'd/a d/b d/sub/c f keep' },
  'all in a directory': {
    entries: [{ name: 'd/' }, { name: 'd/.wh..wh..opq' }, { name: 'd/new' }],
    files: 'd/new f keep',
  },
  'all in a directory, said last': {
    entries: [{ name: 'd/sub/new' }, { name: 'd/.wh..wh..opq' }],
    files: 'd/sub/new f keep',
  },
  'a directory that comes again': {
    entries: [{ name: '.wh.d' }, { name: 'd/' }, { name: 'd/x' }],
    files: 'd/x f keep',
  },
  'a directory that is implied again': { entries: [{ name: '.wh.d' }, { name: 'd/x' }], files: 'd/x f keep' },
  'a directory that came before': {
    entries: [{ name: 'd/' }, { name: 'd/x' }, { name: '.wh.d' }],
    files: 'd/x f keep',
  },
  'a file that comes again': {
    entries: [{ name: '.wh.f' }, { name: 'f', data: 'new' }],
    files: 'd/a d/b d/sub/c f keep',
  },
  'a directory by a file, then made again': {
    entries: [{ name: 'd', data: 'x' }, { name: 'd/' }, { name: 'd/new' }],
    files: 'd/new f keep',
  },
  everything: { entries: [{ name: '.wh..wh..opq' }, { name: 'new' }, { name: 'd/x' }], files: 'd/x new' },
  'by a device 0:0': { entries: [{ name: 'f', type: '3', major: 0, minor: 0 }], files: 'd/a d/b d/sub/c keep' },
}

export function applyConformance(test: RegisterTest, create: CreateSnapshotter): void {
  test('apply() refuses hostile and broken tars, and touches nothing outside', async () => {
    await using fixture = await openFixture(create)
    const sentinel = `${fixture.outside}/sentinel`
    writeFileSync(sentinel, 'untouched')
    for (const [title, { tar, why }] of Object.entries(invalid)) {
      const err = await rejects(fixture.snapshotter.apply(layer('bad'), inPieces(tar)), 'LAYER_INVALID').catch(
        (cause: unknown) => {
          throw new Error(`${title}: ${cause}`, { cause })
        },
      )
      assert.match(err.message, why, title)
      assert.not(fixture.snapshotter.has(layer('bad')), title)
    }
    assert.is(readFileSync(sentinel, 'utf8'), 'untouched')
    assert.equal(readdirSync(fixture.outside).sort(), ['sentinel', 'snapshots'])
    assert.not(existsSync('/evil'))
    await fixture.snapshotter.apply(layer('bad'), inPieces(tarOf({ name: 'good', data: 'x' })))
    assert.is(await fixture.look(['bad'], 'cat good'), 'x')
  })

  test(
    'apply() takes odd tars as other tools do',
    async () => {
      await using fixture = await openFixture(create)
      for (const [index, [title, { tar, show, expected }]] of Object.entries(odd).entries()) {
        const applied = await fixture.snapshotter
          .apply(layer(`odd${index}`), inPieces(tar, 511))
          .catch((cause: unknown) => {
            throw new Error(`${title}: ${cause}`, { cause })
          })
        assert.is(applied.diffId, sha256(tar), title)
        assert.is(await fixture.look([`odd${index}`], show), expected, title)
      }
    },
    { timeoutMs: 60_000 },
  )

  test(
    'apply() takes whiteouts and opaque directories',
    async () => {
      await using fixture = await openFixture(create)
      const base = ['d/a', 'd/b', 'd/sub/c', 'f', 'keep'].map((name) => ({ name, data: 'old' }))
      await fixture.snapshotter.apply(layer('base'), inPieces(tarOf(...base)))
      for (const [index, [title, { entries, files }]] of Object.entries(hiding).entries()) {
        const name = layer(`hide${index}`)
        const below = Promise.resolve([layer('base')])
        await fixture.snapshotter.apply(name, inPieces(tarOf(...entries)), { below })
        assert.is(await filesOf(fixture, ['base', name]), files, `whiteout of ${title}`)
        assert.not((await filesOf(fixture, [name])).includes('.wh.'), title)
        const again = layer(`again${index}`)
        await fixture.snapshotter.apply(again, fixture.snapshotter.pack(name), { below: [layer('base')] })
        assert.is(await filesOf(fixture, ['base', again]), files, `${title}, packed and unpacked`)
        await fixture.change(`above${index}`, ['base', name], ':')
        assert.equal(await fixture.names(`above${index}`), [], title)
      }
    },
    { timeoutMs: 120_000 },
  )

  test('apply() gives implied directories what they have below', async () => {
    await using fixture = await openFixture(create)
    const { snapshotter } = fixture
    await fixture.change(
      'base',
      [],
      'mkdir -p a/b; chown 3:4 a; chmod 2750 a; touch -d @9.5 a; chmod 700 a/b; touch -d @8 a/b; chmod 711 .; chown 1:2 .',
    )
    const tar = tarOf({ name: 'a/b/c/d', data: 'x' })
    await snapshotter.apply(layer('top'), inPieces(tar), { below: [layer('base')] })
    const show = 'stat -c "%a %u %g %.1Y" a a/b a/b/c; stat -c "%a %u %g" .'
    assert.is(await fixture.look(['base', 'top'], show), '2750 3 4 9.5\n700 0 0 8.0\n755 0 0 0.0\n711 1 2')
    assert.equal(await fixture.names('top'), ['a/', 'a/b/', 'a/b/c/', 'a/b/c/d'])
  })

  test('apply() hashes every byte, also those after the end mark', async () => {
    await using fixture = await openFixture(create)
    const tar = Buffer.concat([tarOf({ name: 'f', data: 'x' }), tarEnd, Buffer.from('trailing')])
    const { diffId, size, bytes, entries } = await fixture.snapshotter.apply(layer('l'), inPieces(tar))
    assert.equal({ diffId, size, bytes, entries }, { diffId: sha256(tar), size: tar.length, bytes: 1, entries: 1 })
  })

  test('apply() is all or nothing when the stream fails or the caller gives up', async () => {
    await using fixture = await openFixture(create)
    const { snapshotter, outside } = fixture
    const failure = new Error('connection lost')
    async function* failing() {
      yield tarEntries({ name: 'f', data: 'x'.repeat(5000) })
      throw failure
    }
    const failed = await snapshotter.apply(layer('l'), failing()).catch((err: unknown) => err)
    assert.match((failed as Error).message, 'connection lost')
    const abort = new AbortController()
    let stopped = false
    async function* endless() {
      try {
        for (let i = 0; ; i++) {
          yield tarEntries({ name: `f${i}`, data: Buffer.alloc(100_000) })
          if (i === 30) abort.abort(failure)
        }
      } finally {
        stopped = true
      }
    }
    assert.is(
      await snapshotter.apply(layer('l'), endless(), { signal: abort.signal }).catch((err: unknown) => err),
      failure,
    )
    assert.ok(stopped, 'the producer is told')
    assert.not(snapshotter.has(layer('l')))
    const below = Promise.reject(failure)
    assert.ok(await snapshotter.apply(layer('l'), inPieces(tarOf({ name: 'a/b' })), { below }).catch(() => 'rejected'))
    assert.not(snapshotter.has(layer('l')))
    assert.equal(leftovers(`${outside}/snapshots`), [])
  })
}

function leftovers(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => /\/fs(\/|$)/.test(path))
}

async function filesOf(fixture: SnapshotterFixture, layers: readonly string[]): Promise<string> {
  return (await fixture.look(layers, 'find . -type f -printf "%P\\n" | sort')).replaceAll('\n', ' ')
}

const sha256 = (data: Buffer) => `sha256:${createHash('sha256').update(data).digest('hex')}`
