import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { addBlob, descriptorOf, needsRoot, openTestStore, smallDisk } from './helpers.js'

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: { code?: string }) => String(error.code),
  )
}

async function makeAgain(path: string): Promise<Buffer> {
  return readFile(path)
}

tests('root', (test) => {
  test('openStore() makes a root folder that only its owner can look into', async () => {
    await using dir = await tempDir()
    const root = join(dir.path, 'a', 'b')
    await using store = await openTestStore(root)
    assert.is(store.root, root)
    assert.is((await stat(root)).mode & 0o777 & ~0o710, 0)
    assert.is((await stat(join(root, 'content'))).mode & 0o777, 0o700)
    assert.is((await stat(join(root, 'metadata'))).mode & 0o777, 0o600)
    assert.equal(JSON.parse(await readFile(join(root, 'format.json'), 'utf8')), { format: 1 })
    assert.is(await readFile(join(root, 'content', 'oci-layout'), 'utf8'), '{"imageLayoutVersion":"1.0.0"}')
    await using second = await openTestStore(root)
    assert.is(second.root, root)
  })

  const formats: Record<string, [text: string, code: string]> = {
    newer: ['{"format":2}', 'FORMAT_TOO_NEW'],
    'not JSON': ['what', 'ROOT_UNUSABLE'],
    'without a number': ['{"format":"1"}', 'ROOT_UNUSABLE'],
    empty: ['', 'ROOT_UNUSABLE'],
  }
  for (const [what, [text, code]] of Object.entries(formats)) {
    test(`openStore() refuses a format file that is ${what}, and leaves it`, async () => {
      await using dir = await tempDir()
      await using _made = await openTestStore(dir.path)
      const path = join(dir.path, 'format.json')
      await writeFile(path, text)
      assert.is(await codeOf(openTestStore(dir.path)), code)
      assert.is(await codeOf(openTestStore(dir.path, { readonly: true })), code)
      assert.is((await makeAgain(path)).toString(), text)
    })
  }

  test('openStore() refuses a root with a file in the way', async () => {
    await using dir = await tempDir()
    const file = join(dir.path, 'file')
    await writeFile(file, '')
    assert.is(await codeOf(openTestStore(file)), 'ROOT_UNUSABLE')
    assert.is(await codeOf(openTestStore(join(file, 'below'))), 'ROOT_UNUSABLE')
    await mkdir(join(dir.path, 'root'))
    await writeFile(join(dir.path, 'root', 'content'), '')
    assert.is(await codeOf(openTestStore(join(dir.path, 'root'))), 'ROOT_UNUSABLE')
  })

  test('openStore() with readonly shows what is there, and changes nothing', async () => {
    await using dir = await tempDir()
    const root = join(dir.path, 'root')
    {
      await using none = await openTestStore(root, { readonly: true })
      assert.equal(none.images.list(), [])
      assert.is(await codeOf(none.metadata.table('t').put('a', 1)), 'ROOT_READ_ONLY')
      assert.is(await codeOf(stat(root)), 'ENOENT')
    }
    await using store = await openTestStore(root)
    const blob = await addBlob(store, Buffer.from('x'))
    await store.metadata.table('t').put('a', 1)
    await using reader = await openTestStore(root, { readonly: true })
    assert.is(reader.metadata.table('t').get('a'), 1)
    assert.ok(reader.content.readSmall(blob.digest))
    assert.is(await codeOf(reader.metadata.table('t').put('a', 2)), 'ROOT_READ_ONLY')
    assert.is(await codeOf(reader.content.writeBlob(blob, Buffer.from('x'))), 'ROOT_READ_ONLY')
  })

  test(
    'openStore() tells a read-only file system, and reads from it',
    async () => {
      await using dir = await tempDir()
      const disk = join(dir.path, 'disk')
      await using _disk = await smallDisk(disk, 16 << 20)
      const fresh = join(disk, 'fresh')
      const used = join(disk, 'used')
      const blob = await (async () => {
        await using store = await openTestStore(used)
        return addBlob(store, Buffer.from('kept'))
      })()
      execFileSync('mount', ['-o', 'remount,ro', disk])
      assert.is(await codeOf(openTestStore(fresh)), 'ROOT_READ_ONLY')
      const error: unknown = await openTestStore(used).then(
        (store) => store[Symbol.asyncDispose](),
        (caught: unknown) => caught,
      )
      if (error !== undefined) assert.ok(hasCode(error, 'ROOT_READ_ONLY'), String(error))
      await using reader = await openTestStore(used, { readonly: true })
      assert.is(Buffer.from(reader.content.readSmall(blob.digest)!).toString(), 'kept')
    },
    { skip: needsRoot },
  )

  test(
    'a full disk is told as STORE_FULL, and nothing is lost by it',
    async () => {
      await using dir = await tempDir()
      const disk = join(dir.path, 'disk')
      await using _disk = await smallDisk(disk, 24 << 20)
      await using store = await openTestStore(join(disk, 'root'))
      const kept = await addBlob(store, Buffer.from('kept'))
      const big = randomBytes(30 << 20)
      const failed = await store.content.writeBlob(descriptorOf(big), big).catch((error: unknown) => error)
      assert.ok(hasCode(failed, 'STORE_FULL'), String(failed))
      assert.match((failed as { hint?: string }).hint ?? '', /prune/)
      assert.ok(store.content.readSmall(kept.digest))
      const small = await addBlob(store, randomBytes(1 << 20))
      assert.ok(store.content.hasBlob(small.digest))
    },
    { skip: needsRoot },
  )

  test(
    'a full disk does not keep rows from being removed: the ballast goes first',
    async () => {
      await using dir = await tempDir()
      const disk = join(dir.path, 'disk')
      await using _disk = await smallDisk(disk, 80 << 20)
      const root = join(disk, 'root')
      await using store = await openTestStore(root)
      await addBlob(store, Buffer.from('starts the background work'))
      while ((await codeOf(stat(join(root, 'ballast')))) === 'ENOENT') await new Promise((done) => setTimeout(done, 10))
      assert.is((await stat(join(root, 'ballast'))).size, 8 << 20)
      const table = store.metadata.table<string>('rows')
      await table.put('first', 'kept')
      fill(join(disk, 'filler'))
      const row = 'x'.repeat(100_000)
      await table.batch(Array.from({ length: 20 }, (_, index) => [`row ${index}`, row] as const))
      assert.is(await codeOf(stat(join(root, 'ballast'))), 'ENOENT', 'the ballast made room')
      const failed = await table
        .batch(Array.from({ length: 200 }, (_, index) => [`more ${index}`, row] as const))
        .catch((error: unknown) => error)
      assert.ok(hasCode(failed, 'STORE_FULL'), String(failed))
      assert.is(table.get('first'), 'kept')
      assert.is(table.has('more 0'), false)
      await rm(join(disk, 'filler'))
      await table.put('second', 'after')
      assert.is(table.get('second'), 'after')
    },
    { skip: needsRoot },
  )

  test(
    'openStore() on a full disk is STORE_FULL, not a crash',
    async () => {
      await using dir = await tempDir()
      const disk = join(dir.path, 'disk')
      await using _disk = await smallDisk(disk, 1 << 20)
      fill(join(disk, 'filler'))
      assert.is(await codeOf(openTestStore(join(disk, 'root'))), 'STORE_FULL')
    },
    { skip: needsRoot },
  )

  test(
    'openStore() as somebody without permission is ROOT_UNUSABLE',
    async () => {
      await using dir = await tempDir()
      const root = join(dir.path, 'root')
      await mkdir(root, { mode: 0o700 })
      await chmod(dir.path, 0o755)
      const seteuid = process.seteuid
      assert.ok(seteuid)
      seteuid.call(process, 65534)
      try {
        assert.is(await codeOf(openTestStore(root)), 'ROOT_UNUSABLE')
      } finally {
        seteuid.call(process, 0)
      }
    },
    { skip: needsRoot },
  )
})

/** Takes all space that is left. */
function fill(path: string): void {
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=64k'], { stdio: 'ignore' })
  } catch {
    // It ends when there is no more space.
  }
}
