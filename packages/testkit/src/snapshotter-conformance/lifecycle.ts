import { hasCode, type SnapshotName } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import { inMount } from '../mount-shell.js'
import { type CreateSnapshotter, collect, key, layer, openFixture } from '../snapshotter-fixture.js'
import { listTar, tarEnd } from '../tar-fixture.js'
import type { RegisterTest } from '../tests.js'

export async function rejects(promise: Promise<unknown>, code: string): Promise<Error> {
  try {
    await promise
  } catch (err) {
    if (!hasCode(err, code)) throw err
    return err
  }
  throw new Error(`expected ${code}, but it succeeded`)
}

/** Keys, names, chains, views, and what is thrown. */
export function lifecycleConformance(test: RegisterTest, create: CreateSnapshotter): void {
  test('prepare() on nothing gives an empty directory of mode 0755 and owner 0:0', async () => {
    await using fixture = await openFixture(create)
    const mount = await fixture.snapshotter.prepare(key('k'), [])
    assert.is(await inMount(mount, 'stat -c "%a %u %g" .; ls -A'), '755 0 0\n')
  })

  test('commit() and prepare() build a chain, layer by layer', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('l1', [], 'echo 1 > a; echo 1 > b')
    await fixture.change('l2', ['l1'], 'echo 2 > b; echo 2 > c')
    await fixture.change('l3', ['l1', 'l2'], 'rm a; echo 3 > c')
    assert.is(await fixture.look(['l1', 'l2', 'l3'], 'grep . *'), 'b:2\nc:3')
    assert.is(await fixture.look(['l1', 'l2'], 'grep . *'), 'a:1\nb:2\nc:2')
    assert.is(await fixture.look(['l1'], 'grep . *'), 'a:1\nb:1')
    assert.equal(await fixture.names('l3'), ['.wh.a', 'c'])
  })

  test('view() of a layer alone shows no whiteouts, and nothing can be written', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('l1', [], 'echo 1 > a; mkdir d; echo 1 > d/a')
    await fixture.change('l2', ['l1'], 'rm -r a d; mkdir e')
    assert.is(await fixture.look(['l2'], 'find . | sort'), '.\n./e')
    assert.is(await fixture.look(['l2'], 'touch x 2>/dev/null || echo refused'), 'refused')
    assert.is(await fixture.look([], 'ls -A'), '')
  })

  test('one layer can lie on several chains', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('base1', [], 'echo 1 > base')
    await fixture.change('base2', [], 'echo 2 > base')
    await fixture.change('link', [], 'echo x > linked')
    assert.is(await fixture.look(['base1', 'link'], 'grep . *'), 'base:1\nlinked:x')
    assert.is(await fixture.look(['base2', 'link'], 'grep . *'), 'base:2\nlinked:x')
  })

  test('commit() of nothing gives a layer of 1024 zeros', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('l1', [], ':')
    const { diffId, size } = await fixture.snapshotter.derive(layer('l1'))
    assert.is(diffId, 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef')
    assert.is(size, 1024)
    assert.equal(await collect(fixture.snapshotter.pack(layer('l1'))), tarEnd)
    assert.equal(await fixture.snapshotter.usage(layer('l1')), { bytes: 0, entries: 0 })
  })

  test('usage() counts hard links once, and whiteouts', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('l1', [], 'printf 12345 > a; ln a b; mkdir d; printf 123 > d/c; ln -s x y')
    assert.equal(await fixture.snapshotter.usage(layer('l1')), { bytes: 8, entries: 5 })
    await fixture.change('l2', ['l1'], 'rm a y; printf 1 > e')
    assert.equal(await fixture.snapshotter.usage(layer('l2')), { bytes: 1, entries: 3 })
  })

  test('taken keys and names are refused, and nothing is lost', async () => {
    await using fixture = await openFixture(create)
    const { snapshotter } = fixture
    await fixture.change('taken', [], 'echo 1 > a')
    const mount = await snapshotter.prepare(key('k'), [layer('taken')])
    await rejects(snapshotter.prepare(key('k'), []), 'SNAPSHOT_EXISTS')
    await inMount(mount, 'echo 2 > b')
    await rejects(snapshotter.commit(layer('taken'), key('k')), 'SNAPSHOT_EXISTS')
    await rejects(snapshotter.apply(layer('taken'), emptyTar()), 'SNAPSHOT_EXISTS')
    await snapshotter.commit(layer('free'), key('k'))
    assert.equal(await fixture.names('free'), ['b'])
    await rejects(snapshotter.commit(layer('again'), key('k')), 'SNAPSHOT_NOT_FOUND')
    assert.ok(await snapshotter.prepare(key('k'), []), 'the key is free again')
  })

  test('what is not there is SNAPSHOT_NOT_FOUND', async () => {
    await using fixture = await openFixture(create)
    const { snapshotter } = fixture
    const missing = [layer('missing')]
    await rejects(snapshotter.prepare(key('k'), missing), 'SNAPSHOT_NOT_FOUND')
    await rejects(snapshotter.view(missing), 'SNAPSHOT_NOT_FOUND')
    await rejects(snapshotter.commit(layer('n'), key('missing')), 'SNAPSHOT_NOT_FOUND')
    await rejects(snapshotter.derive(layer('missing')), 'SNAPSHOT_NOT_FOUND')
    await rejects(snapshotter.usage(layer('missing')), 'SNAPSHOT_NOT_FOUND')
    await rejects(collect(snapshotter.pack(layer('missing'))), 'SNAPSHOT_NOT_FOUND')
    await rejects(collect(snapshotter.packChain(missing)), 'SNAPSHOT_NOT_FOUND')
    await rejects(snapshotter.copyChain(missing, fixture.outside), 'SNAPSHOT_NOT_FOUND')
    assert.ok(await snapshotter.prepare(key('k'), []), 'a failed prepare() leaves the key free')
  })

  test('has(), list() and remove() agree', async () => {
    await using fixture = await openFixture(create)
    const { snapshotter } = fixture
    await fixture.change('b', [], 'echo b > b')
    await fixture.change('a', [], ':')
    await snapshotter.prepare(key('active'), [])
    assert.equal(await snapshotter.list(), ['a', 'b'])
    for (const [name, there] of Object.entries({ a: true, active: false, '../a': false, '': false, '.': false })) {
      assert.is(snapshotter.has(name as SnapshotName), there, name)
    }
    await snapshotter.remove(layer('b'))
    await snapshotter.remove(layer('b'))
    await snapshotter.remove(key('active'))
    assert.equal(await snapshotter.list(), ['a'])
    assert.not(snapshotter.has(layer('b')))
    assert.ok(await snapshotter.prepare(key('active'), []))
  })

  test('names that could lead elsewhere are refused', async () => {
    await using fixture = await openFixture(create)
    for (const bad of ['', '..', 'a/b', 'A', 'x'.repeat(25), 'a b', 'a:b', '.a']) {
      await rejects(fixture.snapshotter.prepare(key(bad), []), 'SNAPSHOT_NAME_INVALID')
      await rejects(fixture.snapshotter.commit(layer(bad), key('k')), 'SNAPSHOT_NAME_INVALID')
      await rejects(fixture.snapshotter.remove(layer(bad)), 'SNAPSHOT_NAME_INVALID')
    }
  })

  test(
    'a chain of 125 layers can be mounted and worked on',
    async () => {
      await using fixture = await openFixture(create)
      const { snapshotter } = fixture
      const names: string[] = []
      for (let i = 0; i < 125; i++) {
        names.push(`layer${'0'.repeat(16)}${String(i).padStart(3, '0')}`)
        await fixture.change(names[i]!, [], `echo ${i} > f${i}; echo ${i} > top`)
      }
      assert.is(await fixture.look(names, 'ls | wc -l; cat f0 f124 top'), '126\n0\n124\n124')
      await fixture.change('top', names, 'rm f7; echo new > top')
      assert.equal(await fixture.names('top'), ['.wh.f7', 'top'])
      assert.is(await fixture.look([...names, 'top'], 'ls | wc -l; cat top'), '125\nnew')
      assert.ok(snapshotter.has(layer(names[124]!)))
    },
    { timeoutMs: 120_000 },
  )

  test('calls reject with the reason of an aborted signal, and can be repeated', async () => {
    await using fixture = await openFixture(create)
    const { snapshotter } = fixture
    await fixture.change('base', [], 'mkdir d; for i in $(seq 300); do echo $i > d/$i; done')
    const reason = new Error('given up')
    const gone = { signal: AbortSignal.abort(reason) }
    const mount = await snapshotter.prepare(key('k'), [layer('base')])
    await inMount(mount, 'rm -r d; mkdir d; echo x > d/x')
    for (const call of [
      () => snapshotter.prepare(key('k2'), [], gone),
      () => snapshotter.commit(layer('n'), key('k'), gone),
      () => snapshotter.derive(layer('base'), gone),
      () => collect(snapshotter.pack(layer('base'), gone)),
      () => snapshotter.apply(layer('n2'), emptyTar(), gone),
    ]) {
      assert.is(await call().catch((err: unknown) => err), reason)
    }
    const soon = new AbortController()
    const committing = snapshotter.commit(layer('n'), key('k'), { signal: soon.signal })
    soon.abort(reason)
    if ((await committing.catch((err: unknown) => err)) === reason) await snapshotter.commit(layer('n'), key('k'))
    const entries = await fixture.entries('n')
    assert.is(entries.length, 302)
    assert.is(await fixture.look(['base', 'n'], 'ls d'), 'x')
  })

  test('pack() can be stopped early', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('big', [], 'head -c 20000000 /dev/zero > zeros')
    for await (const chunk of fixture.snapshotter.pack(layer('big'))) {
      assert.ok(chunk.length > 0)
      break
    }
    assert.is((await fixture.snapshotter.derive(layer('big'))).size, 512 + Math.ceil(2e7 / 512) * 512 + 1024)
  })

  test('packChain() and copyChain() give the merged files', async () => {
    await using fixture = await openFixture(create)
    const { snapshotter, outside } = fixture
    await fixture.change(
      'l1',
      [],
      'mkdir -p d/e; echo 1 > d/a; echo 1 > d/e/b; ln d/a h; touch -d @7.5 d/a; chown 5:6 d; chmod 4711 d/e/b',
    )
    await fixture.change('l2', ['l1'], 'rm d/a; echo 2 > c; touch -d @8 d')
    const tar = listTar(await collect(snapshotter.packChain([layer('l1'), layer('l2')])))
    assert.equal(
      tar.map((entry) => entry.name),
      ['c', 'd/', 'd/e/', 'd/e/b', 'h'],
    )
    const whole = listTar(await collect(snapshotter.packChain([layer('l1')])))
    assert.equal(whole.map(({ name, type, link }) => [name, type, link]).slice(1), [
      ['d/a', '0', ''],
      ['d/e/', '5', ''],
      ['d/e/b', '0', ''],
      ['h', '1', 'd/a'],
    ])
    const target = await inMount(
      { kind: 'bind', source: outside, readonly: false },
      'mkdir t; echo mine > t/keep; mkdir t/c; pwd',
    )
    assert.ok(target)
    await snapshotter.copyChain([layer('l1'), layer('l2')], `${outside}/t`)
    const shown = await inMount(
      { kind: 'bind', source: `${outside}/t`, readonly: true },
      'find . -type f | sort; stat -c "%a %u %g %Y" d d/e/b; stat -c %.Y h; cat c',
    )
    assert.is(shown, `./c\n./d/e/b\n./h\n./keep\n755 5 6 8\n4711 0 0 ${shown.split('4711 0 0 ')[1]}`)
    assert.match(shown, /\n7\.50*\n2\n$/)
  })
}

async function* emptyTar(): AsyncGenerator<Uint8Array> {
  yield tarEnd
}
