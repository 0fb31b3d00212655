import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { childExit, childMessage, openTestStore, startChild } from './helpers.js'

tests('metadata', (test) => {
  test('table() keeps JSON values, by name, apart from other tables', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const table = store.metadata.table<{ readonly n: number }>('a')
    const other = store.metadata.table<string>('ab')
    await Promise.all([table.put('k1', { n: 1 }), table.put('k2', { n: 2 }), other.put('k1', 'ü')])
    assert.equal(table.get('k1'), { n: 1 })
    assert.is(other.get('k1'), 'ü')
    assert.is(table.get('k'), undefined)
    assert.ok(table.has('k2'))
    assert.not(table.has('k3'))
    assert.equal(
      [...table.entries()],
      [
        { key: 'k1', value: { n: 1 } },
        { key: 'k2', value: { n: 2 } },
      ],
    )
    await table.remove('k1')
    assert.equal([...store.metadata.table('a').entries('k')], [{ key: 'k2', value: { n: 2 } }])
  })

  test('entries() gives just the keys with the prefix, in order', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const table = store.metadata.table<number>('a')
    const keys = ['a', 'a/1', 'a/2', 'a0', 'b', 'ä', '\u{10ffff}', '']
    await table.batch(keys.map((key, index) => [key, index] as const))
    assert.equal(
      [...table.entries('a/')].map(({ key }) => key),
      ['a/1', 'a/2'],
    )
    assert.equal(
      [...table.entries()].map(({ key }) => key),
      ['', 'a', 'a/1', 'a/2', 'a0', 'b', 'ä', '\u{10ffff}'],
    )
    assert.is([...table.entries('\u{10ffff}')].length, 1)
  })

  test('entries() may be read while the table changes', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const table = store.metadata.table<number>('a')
    await table.batch(Array.from({ length: 500 }, (_, index) => [String(index).padStart(4, '0'), index] as const))
    let seen = 0
    for (const { key } of table.entries()) {
      seen++
      if (seen % 50 === 0) await table.remove(key)
    }
    assert.is(seen, 500)
    assert.is([...table.entries()].length, 490)
  })

  test('binaryTable() keeps bytes, and what it gives stays as it is', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const table = store.metadata.binaryTable('bytes')
    await table.batch([
      ['a', Uint8Array.of(0, 255, 1)],
      ['b', new Uint8Array(100_000).fill(3)],
      ['c', new Uint8Array(0)],
    ])
    const a = table.get('a')!
    assert.is(table.get('b')!.length, 100_000)
    assert.equal([...a], [0, 255, 1])
    assert.is(table.get('c')!.length, 0)
  })

  test('entries() of bytes gives rows that stay as they are', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const table = store.metadata.binaryTable('bytes')
    const size = (index: number) => (index % 7 === 0 ? 70_000 : index % 50)
    await table.batch(
      Array.from({ length: 300 }, (_, index) => [String(index), new Uint8Array(size(index)).fill(index)] as const),
    )
    const rows = [...table.entries()]
    await table.batch(rows.map(({ key }) => [key, new Uint8Array(9)] as const))
    for (const { key, value } of rows) {
      assert.is(value.length, size(Number(key)))
      assert.ok(value.every((byte) => byte === (Number(key) & 255)))
    }
  })

  const keys: Record<string, [key: string, code?: string]> = {
    'of 1,900 bytes': ['x'.repeat(1900)],
    'of 1,901 bytes': ['x'.repeat(1901), 'METADATA_KEY_INVALID'],
    'with NUL and newline': ['a\0b\nc'],
  }
  for (const [what, [key, code]] of Object.entries(keys)) {
    test(`put() ${code === undefined ? 'takes' : 'refuses'} a key ${what}`, async () => {
      await using dir = await tempDir()
      await using store = await openTestStore(dir.path)
      const table = store.metadata.table<number>('t')
      const error = await table.put(key, 1).catch((caught: unknown) => caught)
      if (code === undefined) assert.is(table.get(key), 1)
      else assert.ok(hasCode(error, code))
    })
  }

  test('table() refuses a name that is none', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    for (const name of ['', 'a b', 'a\0', 'x'.repeat(80)]) {
      assert.throws(
        () => store.metadata.table(name),
        (error: unknown) => hasCode(error, 'METADATA_KEY_INVALID'),
      )
    }
  })

  test('values outlive the store, and a closed one says so', async () => {
    await using dir = await tempDir()
    const store = await openTestStore(dir.path)
    const table = store.metadata.table<number>('t')
    await table.put('a', 1)
    await store[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    assert.throws(
      () => table.get('a'),
      (error: unknown) => hasCode(error, 'STORE_CLOSED'),
    )
    assert.ok(hasCode(await table.put('a', 2).catch((error: unknown) => error), 'STORE_CLOSED'))
    await using again = await openTestStore(dir.path)
    assert.is(again.metadata.table('t').get('a'), 1)
  })

  test('two processes write the same blobs, tables and names at once', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const rounds = 12
    const children = [1, 2].map(() => startChild('write-same', dir.path, String(rounds)))
    assert.equal(await Promise.all(children.map(childExit)), [0, 0])
    for (const { pid } of children) {
      const rows = [...store.metadata.table('counts').entries(`${pid}/`)]
      assert.is(rows.length, rounds)
    }
    assert.is(store.images.list().length, 2 * rounds)
    const index = JSON.parse(await readText(`${dir.path}/content/index.json`)) as { manifests: unknown[] }
    assert.is(index.manifests.length, 2 * rounds)
    const { manifest } = store.images.list()[0]!
    assert.is(store.layers.blobs(manifest.digest as never)[0]?.sources.length, 2, 'no source of either was lost')
  })

  test('a batch that kill -9 interrupts is seen wholly or not at all', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    for (let round = 0; round < 4; round++) {
      const child = startChild('commit-forever', dir.path)
      await childMessage(child)
      await delay(10 + round * 7)
      child.kill('SIGKILL')
      assert.is(await childExit(child), 'SIGKILL')
      const table = store.metadata.table<{ readonly half: string }>('pairs')
      assert.ok(table.has('left'))
      assert.equal(table.get('left'), table.get('right'))
      await table.put('after', { half: 'yes' })
    }
  })
})

async function readText(path: string): Promise<string> {
  return (await import('node:fs/promises')).readFile(path, 'utf8')
}
