import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createTarExtractor, SnapshotError } from '@tsbuild/snapshotter'
import { type TarFixture, tarOf, tempDir, tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Extractor } from '../dist/extract/extractor.js'
import { createHiding } from '../dist/extract/hiding.js'
import { removeTree } from '../dist/files/remove.js'
import { TarParser } from '../dist/tar/parser.js'

const fine = ['a', 'b', 'a/b', 'b/a', 'a/a/b', '/a', './b/', 'a/', 'c', 'c/d', '.wh.a', 'a/.wh.b', 'b/.wh..wh..opq']
const names = [...fine, '../x', 'a/../../x', '.', '', '..']
const targets = [...names, '../../sentinel', '/etc', '..', '../..', 'a/b/../..', '/proc/self/root']

const mostly = <T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary: often }, { weight: 1, arbitrary: seldom })

const fixture: fc.Arbitrary<TarFixture> = fc
  .record({
    name: mostly(fc.constantFrom(...fine), fc.constantFrom(...names)),
    type: mostly(fc.constantFrom('0', '2', '5', '1'), fc.constantFrom('6', 'x', 'L', 'K', 'g', 'S', '\0', '9')),
    link: fc.constantFrom(...targets),
    data: fc.constantFrom('', 'x', '12 path=a/b\n', '15 path=../../x\n', 'y'.repeat(600)),
    mode: fc.constantFrom(0, 0o644, 0o755, 0o7777),
  })
  // only some types have content
  .map((entry) => ('0xLKg'.includes(entry.type) ? entry : { ...entry, data: '' }))

const mutation = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })

function mutate(tar: Buffer, changes: readonly { at: number; value: number }[], cut: number): Buffer {
  const copy = Buffer.from(tar)
  for (const { at, value } of changes) copy[at % copy.length] = value
  return cut % 10 === 1 ? copy.subarray(0, cut % copy.length) : copy
}

tests('hostile tars', (test) => {
  // without the kernel's help: the thread keeps the host's root, so the extractor's own checks are all there is
  test(
    'Extractor touches nothing outside its root, and throws SnapshotError alone',
    async () => {
      await using directory = await tempDir()
      const root = `${directory.path}/in/root`
      mkdirSync(root, { recursive: true })
      writeFileSync(`${directory.path}/sentinel`, 'untouched')
      const outcomes = { unpacked: 0, refused: 0 }
      fc.assert(
        fc.property(
          fc.array(fixture, { minLength: 1, maxLength: 6 }),
          mostly(fc.constant<{ at: number; value: number }[]>([]), fc.array(mutation, { maxLength: 2 })),
          fc.nat(),
          fc.boolean(),
          (entries, changes, cut, layer) => {
            const extractor = new Extractor({ root, ...(layer ? { hiding: createHiding('native', root) } : {}) })
            const parser = new TarParser(extractor)
            try {
              parser.write(mutate(tarOf(...entries), changes, cut))
              parser.end()
              extractor.finish()
              outcomes.unpacked++
            } catch (err) {
              if (!(err instanceof SnapshotError)) throw err
              outcomes.refused++
            } finally {
              extractor.close()
            }
            for (const name of readdirSync(root, 'latin1')) removeTree(`${root}/${name}`)
            assert.is(readFileSync(`${directory.path}/sentinel`, 'utf8'), 'untouched')
            assert.equal(readdirSync(directory.path).sort(), ['in', 'sentinel'])
            assert.equal(readdirSync(`${directory.path}/in`), ['root'])
          },
        ),
        { numRuns: 1500 },
      )
      assert.ok(outcomes.unpacked > 100 && outcomes.refused > 100, JSON.stringify(outcomes))
      assert.not(existsSync('/x'))
    },
    { skip: process.getuid?.() === 0 ? undefined : 'needs root to set owners', timeoutMs: 60_000 },
  )

  test('createTarExtractor() resolves links inside its directory and has no whiteouts', async () => {
    await using directory = await tempDir()
    const seen: string[] = []
    let content = ''
    using extractor = createTarExtractor({
      directory: directory.path,
      onEntry(entry, path) {
        seen.push(`${entry.type} ${path}`)
        return path.endsWith('f') ? { uid: 7, mode: 0o600, mtimeNs: 5_000_000_000n } : undefined
      },
      onData(chunk) {
        content += chunk
      },
    })
    mkdirSync(`${directory.path}/real`)
    for (const byte of tarOf(
      { name: 'l', type: '2', link: '/real' },
      { name: 'l/f', data: 'abc' },
      { name: '.wh.l', data: 'd' },
      { name: 'i/j', data: '' },
    )) {
      extractor.write(Uint8Array.of(byte))
    }
    extractor.end()
    assert.equal(seen, ['symlink l', 'file real/f', 'file .wh.l', 'file i/j'])
    assert.is(content, 'abcd')
    assert.is(readFileSync(`${directory.path}/real/f`, 'utf8'), 'abc')
    assert.equal(extractor.implied, ['i'])
  })

  for (const followDirectoryLinks of [true, false]) {
    const verb = followDirectoryLinks ? 'follows' : 'replaces'
    test(
      `createTarExtractor() ${verb} links that directories meet (followDirectoryLinks: ${followDirectoryLinks})`,
      async () => {
        await using directory = await tempDir()
        mkdirSync(`${directory.path}/usr/lib`, { recursive: true })
        writeFileSync(`${directory.path}/usr/lib/old`, 'o')
        const links = { lib: 'usr/lib', up: '../../../usr', gone: '/made/here' }
        for (const [name, target] of Object.entries(links)) symlinkSync(target, `${directory.path}/${name}`)
        using extractor = createTarExtractor({ directory: directory.path, followDirectoryLinks })
        extractor.write(
          tarOf(
            { name: 'lib/', type: '5' },
            { name: 'lib/new', data: 'n' },
            { name: 'up/', type: '5' },
            { name: 'up/f', data: 'f' },
            { name: 'gone/', type: '5' },
            { name: 'gone/g', data: 'g' },
          ),
        )
        extractor.end()
        const text = (path: string) => readFileSync(`${directory.path}/${path}`, 'utf8')
        const isLink = (name: string) => lstatSync(`${directory.path}/${name}`).isSymbolicLink()
        assert.equal(Object.keys(links).map(isLink), Array(3).fill(followDirectoryLinks))
        const real = followDirectoryLinks ? ['usr/lib/new', 'usr/f', 'made/here/g'] : ['lib/new', 'up/f', 'gone/g']
        assert.is(real.map(text).join(''), 'nfg')
        assert.equal(readdirSync(`${directory.path}/usr/lib`), followDirectoryLinks ? ['new', 'old'] : ['old'])
        assert.equal(extractor.implied, followDirectoryLinks ? ['made'] : [])
      },
      { skip: process.getuid?.() === 0 ? undefined : 'needs root to set owners' },
    )
  }
})
