import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openLocalCache } from '@tsbuild/remote-cache'
import { type Descriptor, type Digest, digestHex, digestOf, hasCode } from '@tsbuild/spec'
import { cacheBackendConformance, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const old = new Date(Date.now() - 2 * 3_600_000)

function blobPath(directory: string, digest: Digest): string {
  return join(directory, 'blobs/sha256', digestHex(digest))
}

async function put(directory: string, text: string): Promise<Descriptor> {
  const bytes = Buffer.from(text)
  const descriptor = { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length }
  await using cache = openLocalCache({ directory })
  await cache.put(descriptor, async function* () {
    yield bytes
  })
  return descriptor
}

async function putRecord(
  directory: string,
  tag: string,
  record: string,
  blobs: readonly Descriptor[] = [],
): Promise<void> {
  await using cache = openLocalCache({ directory, tag })
  await cache.putRecord(Buffer.from(record), blobs)
}

async function recordOf(directory: string, tag: string, digest?: Digest): Promise<string | undefined> {
  await using cache = openLocalCache({ directory, tag, ...(digest === undefined ? {} : { digest }) })
  const record = await cache.getRecord()
  return record === undefined ? undefined : Buffer.from(record).toString()
}

async function indexOf(directory: string): Promise<Descriptor[]> {
  return JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')).manifests
}

/** The lock of a process of this machine, as that process writes it. */
async function lockOf(pid: number): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  return `${boot.trim()} ${await readlink('/proc/self/ns/pid')} ${pid}\n`
}

tests('local cache', (test) => {
  cacheBackendConformance(test, async () => {
    const folder = await tempDir()
    const directory = join(folder.path, 'cache')
    return {
      open: () => openLocalCache({ directory }),
      damage: async (record) => {
        const bytes = await readFile(blobPath(directory, record))
        bytes[3] = 0
        await writeFile(blobPath(directory, record), bytes)
      },
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    }
  })

  test('putRecord() makes an OCI image layout with the tag as its name', async () => {
    await using folder = await tempDir()
    const layer = await put(folder.path, 'a layer')
    await putRecord(folder.path, 'latest', 'record', [layer])
    assert.is(await readFile(join(folder.path, 'oci-layout'), 'utf8'), '{"imageLayoutVersion":"1.0.0"}')
    const [named, ...others] = await indexOf(folder.path)
    assert.is(others.length, 0)
    assert.is(named?.annotations?.['org.opencontainers.image.ref.name'], 'latest')
    const manifest = JSON.parse(await readFile(blobPath(folder.path, named!.digest), 'utf8'))
    assert.equal(manifest.layers, [layer])
    assert.is(manifest.config.digest, digestOf('record'))
    assert.equal(await readdir(join(folder.path, 'ingest')), [])
  })

  for (const name of ['index.json', 'the manifest', 'the record', 'a blob']) {
    test(`a pipe in the place of ${name} is refused, and nobody waits for it`, async () => {
      await using dir = await tempDir()
      const directory = join(dir.path, 'cache')
      const blob = await put(directory, 'blob')
      await putRecord(directory, 'latest', 'record', [blob])
      const [manifest] = await indexOf(directory)
      const { config } = JSON.parse(await readFile(blobPath(directory, manifest!.digest), 'utf8'))
      const paths: Record<string, string> = {
        'index.json': join(directory, 'index.json'),
        'the manifest': blobPath(directory, manifest!.digest),
        'the record': blobPath(directory, config.digest),
        'a blob': blobPath(directory, blob.digest),
      }
      await rm(paths[name]!)
      execFileSync('mkfifo', [paths[name]!])
      await using cache = openLocalCache({ directory })
      const read = async () => {
        if (name !== 'a blob') return await cache.getRecord()
        for await (const _ of cache.get(blob)) assert.unreachable()
      }
      const error = await read().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
    })
  }

  test('putRecord() leaves other tags, and getRecord() finds a replaced record by its digest', async () => {
    await using folder = await tempDir()
    await putRecord(folder.path, 'main', 'one')
    const [first] = await indexOf(folder.path)
    await putRecord(folder.path, 'other', 'two')
    await putRecord(folder.path, 'other', 'three')
    assert.is(await recordOf(folder.path, 'main'), 'one')
    assert.is(await recordOf(folder.path, 'other'), 'three')
    assert.is(await recordOf(folder.path, 'none'), undefined)
    assert.is(await recordOf(folder.path, 'other', first!.digest), 'one')
    await using pinned = openLocalCache({ directory: folder.path, digest: first!.digest })
    const error = await pinned.putRecord(Buffer.from('x'), []).catch((reason: unknown) => reason)
    assert.ok(hasCode(error, 'CACHE_OPTION_INVALID'))
  })

  test('putRecord() of many tags at once keeps them all', async () => {
    await using folder = await tempDir()
    const tags = Array.from({ length: 12 }, (_, index) => `tag-${index}`)
    await Promise.all(tags.map((tag) => putRecord(folder.path, tag, `record of ${tag}`)))
    for (const tag of tags) assert.is(await recordOf(folder.path, tag), `record of ${tag}`)
  })

  test('putRecord() takes over what a dead process has locked', async () => {
    await using folder = await tempDir()
    const { pid } = spawnSync(process.execPath, ['-e', '0'])
    const lock = join(folder.path, 'index.json.lock')
    await writeFile(lock, await lockOf(pid))
    await putRecord(folder.path, 'latest', 'one')
    await writeFile(lock, 'of another machine')
    await utimes(lock, old, old)
    await putRecord(folder.path, 'latest', 'two')
    assert.is(await recordOf(folder.path, 'latest'), 'two')
    assert.not.ok((await readdir(folder.path)).some((name) => name.includes('lock')))
  })

  test('putRecord() waits for a lock until it is aborted', async () => {
    await using folder = await tempDir()
    const lock = join(folder.path, 'index.json.lock')
    await writeFile(lock, await lockOf(process.pid))
    await using cache = openLocalCache({ directory: folder.path })
    const controller = new AbortController()
    const waiting = cache.putRecord(Buffer.from('one'), [], { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    assert.is(await waiting.catch((error: unknown) => error), reason)
    assert.is(await recordOf(folder.path, 'latest'), undefined)
    const freed = cache.putRecord(Buffer.from('two'), [])
    await rm(lock)
    await freed
    assert.is(await recordOf(folder.path, 'latest'), 'two')
  })

  test('putRecord() removes old blobs that nothing names, and no others', async () => {
    await using folder = await tempDir()
    const [left, asked, young, kept, foreign] = await Promise.all(
      ['left', 'asked', 'young', 'kept', 'foreign'].map((text) => put(folder.path, text)),
    )
    await putRecord(folder.path, 'other', 'record of another', [foreign!])
    await writeFile(join(folder.path, 'ingest/half'), 'half of a blob')
    const before = [left!, asked!, kept!, foreign!].map(({ digest }) => blobPath(folder.path, digest))
    for (const path of [...before, join(folder.path, 'ingest/half')]) await utimes(path, old, old)
    await using cache = openLocalCache({ directory: folder.path })
    await cache.has([asked!.digest])
    await cache.putRecord(Buffer.from('record'), [kept!])
    const digests = [left, asked, young, kept, foreign].map((blob) => blob!.digest)
    const there = await cache.has(digests)
    assert.equal([...there].sort(), digests.slice(1).sort())
    assert.equal(await readdir(join(folder.path, 'ingest')), [])
  })

  test('putRecord() removes nothing where a manifest of the index is not readable', async () => {
    await using folder = await tempDir()
    const left = await put(folder.path, 'left')
    await putRecord(folder.path, 'other', 'record')
    const [other] = await indexOf(folder.path)
    await writeFile(blobPath(folder.path, other!.digest), 'no JSON')
    await utimes(blobPath(folder.path, left.digest), old, old)
    await putRecord(folder.path, 'latest', 'another record')
    assert.ok(await stat(blobPath(folder.path, left.digest)))
  })

  const damages: Record<string, string> = {
    'no JSON': 'x',
    'a list': '[]',
    'no manifests': '{}',
    'odd ones': '{"manifests":[{}]}',
  }
  for (const [what, text] of Object.entries(damages)) {
    test(`getRecord() refuses an index that is ${what}`, async () => {
      await using folder = await tempDir()
      await writeFile(join(folder.path, 'index.json'), text)
      const error = await recordOf(folder.path, 'latest').catch((reason: unknown) => reason)
      assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
    })
  }

  test('getRecord() refuses a record that is not there', async () => {
    await using folder = await tempDir()
    await putRecord(folder.path, 'latest', 'record')
    await rm(blobPath(folder.path, digestOf('record')))
    const error = await recordOf(folder.path, 'latest').catch((reason: unknown) => reason)
    assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
  })

  test('put() says that the folder is none', async () => {
    await using folder = await tempDir()
    await writeFile(join(folder.path, 'file'), '')
    const error = await put(join(folder.path, 'file/cache'), 'x').catch((reason: unknown) => reason)
    assert.ok(hasCode(error, 'CACHE_UNREACHABLE'), String(error))
  })

  test(
    'put() fails with CACHE_FULL on a full disk, and keeps nothing',
    async () => {
      await using folder = await tempDir()
      const disk = join(folder.path, 'disk')
      await mkdir(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk])
      try {
        const error = await put(disk, 'x'.repeat(1_000_000)).catch((reason: unknown) => reason)
        assert.ok(hasCode(error, 'CACHE_FULL'), String(error))
        assert.equal(await readdir(join(disk, 'ingest')), [])
        assert.equal(await readdir(join(disk, 'blobs/sha256')), [])
      } finally {
        execFileSync('umount', [disk])
      }
    },
    { skip: process.getuid?.() !== 0 && 'mounting needs root' },
  )

  const invalid: Record<string, Parameters<typeof openLocalCache>[0]> = {
    'no directory': { directory: '' },
    'a tag with a slash': { directory: '/x', tag: 'a/b' },
    'an odd digest': { directory: '/x', digest: 'sha256:12' as Digest },
  }
  for (const [what, options] of Object.entries(invalid)) {
    test(`openLocalCache() refuses ${what}`, () => {
      assert.throws(
        () => openLocalCache(options),
        (error: unknown) => hasCode(error, 'CACHE_OPTION_INVALID'),
      )
    })
  }
})
