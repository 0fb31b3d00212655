import { appendFileSync, chmodSync, chownSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WorkerTask } from '@tsbuild/host'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { digestTask } from '../dist/files/digest-task.js'
import type { CopyRequest } from '../dist/files/index.js'
import { type MemoChanges, packRows } from '../dist/files/memo.js'
import { decodeMemoRow, encodeMemoRow, memoRowDirectory, recordBytes } from '../dist/files/memo-row.js'
import { chain, needsRoot, openBench, plant, type Tree } from './files-support.js'

const task: WorkerTask = {
  aborted: () => false,
  throwIfAborted() {},
  readChunk: () => undefined,
  writeChunk() {},
  post() {},
}

/** A memo as the database has it, and scans that tell what they had to read. */
function scanner(directory: string, ignore: readonly string[] = []) {
  const rows = new Map<string, Uint8Array>()
  const apply = ({ changed, removed }: MemoChanges) => {
    for (const { directory, row } of changed) rows.set(directory, row)
    for (const directory of removed) rows.delete(directory)
  }
  return {
    rows,
    scan(source = '.', { now = Date.now() + 60_000, bootId = 'boot-1' } = {}) {
      const memo = { rows: packRows([...rows.values()]), bootId, now }
      const sources = [{ source, exclude: [], parents: false }]
      const {
        sources: digests,
        changes,
        read,
      } = digestTask({ tree: { kind: 'directory', directory, ignore }, sources, owners: false, memo }, task)
      apply(changes)
      return { digest: digests[0]?.digest, files: digests[0]?.files, read }
    },
  }
}

tests('files: digest', (test) => {
  const context: Tree = {
    'src/a': 'A',
    'src/in/b': { text: 'B', mode: 0o755 },
    'src/l': '-> a',
    'src/none/': '',
    other: 'O',
  }
  const src = { sources: ['src'], destination: '/d/' }

  const same: Readonly<Record<string, (root: string) => void>> = {
    'its times': (root) => utimesSync(join(root, 'src/a'), 1, 1),
    'owners on the host': (root) => process.getuid?.() === 0 && chownSync(join(root, 'src/a'), 12, 13),
    'what is not selected': (root) => writeFileSync(join(root, 'other'), 'changed'),
    'a rewrite with the same bytes': (root) => {
      rmSync(join(root, 'src/a'))
      writeFileSync(join(root, 'src/a'), 'A')
      chmodSync(join(root, 'src/a'), 0o644)
    },
    "the mode of the selected directory's parent": (root) => chmodSync(root, 0o700),
  }
  for (const [what, edit] of Object.entries(same)) {
    test(`digest() does not depend on ${what}`, async () => {
      await using bench = await openBench({ context })
      const before = await bench.files.digest(bench.request(src))
      edit(bench.context)
      assert.equal(await bench.files.digest(bench.request(src)), before)
    })
  }

  const different: Readonly<Record<string, (root: string) => void>> = {
    content: (root) => writeFileSync(join(root, 'src/a'), 'B'),
    'the name of a file': (root) => renameSync(join(root, 'src/a'), join(root, 'src/A')),
    'the mode of a file': (root) => chmodSync(join(root, 'src/in/b'), 0o644),
    'the mode of a directory': (root) => chmodSync(join(root, 'src/in'), 0o700),
    'a setuid bit': (root) => chmodSync(join(root, 'src/in/b'), 0o4755),
    'the target of a link': (root) => {
      rmSync(join(root, 'src/l'))
      plant(root, { 'src/l': '-> in/b' })
    },
    'an empty directory': (root) => rmSync(join(root, 'src/none'), { recursive: true }),
    'a file instead of a link': (root) => {
      rmSync(join(root, 'src/l'))
      plant(root, { 'src/l': 'a' })
    },
    'a hard link instead of a copy': (root) => {
      plant(root, { 'src/copy': 'A' })
      rmSync(join(root, 'src/copy'))
      plant(root, { 'src/copy': { hardLink: 'src/a' } })
    },
  }
  for (const [what, edit] of Object.entries(different)) {
    test(`digest() depends on ${what}`, async () => {
      await using bench = await openBench({ context })
      const before = await bench.files.digest(bench.request(src))
      edit(bench.context)
      const after = await bench.files.digest(bench.request(src))
      assert.is.not(after.digest, before.digest)
    })
  }

  test('digest() tells a hard link from an equal copy', async () => {
    await using bench = await openBench({
      context: { 'one/a': 'A', 'one/b': 'A', 'two/a': 'A', 'two/b': { hardLink: 'two/a' } },
    })
    const of = async (name: string) => (await bench.files.digest(bench.request({ ...src, sources: [name] }))).digest
    assert.is.not(await of('one'), await of('two'))
  })

  test('digest() has one named input for each source, and the name of a file that a wildcard matches', async () => {
    await using bench = await openBench({ context: { 'a.txt': 'A', 'b.md': 'B' } })
    const request = bench.request({
      sources: ['*.txt', 'b.md', 'b.md'],
      destination: '/d/',
      inlineFiles: [{ name: 'x', data: 'X' }],
    })
    const before = await bench.files.digest(request)
    assert.equal(
      before.inputs.map(({ name }) => name),
      ['COPY *.txt', 'COPY b.md', 'COPY b.md (3)', 'COPY <<x'],
    )
    assert.is(before.files, 4)
    renameSync(join(bench.context, 'a.txt'), join(bench.context, 'c.txt'))
    const after = await bench.files.digest(request)
    assert.is.not(after.inputs[0]?.value, before.inputs[0]?.value)
    assert.is(after.inputs[1]?.value, before.inputs[1]?.value)
  })

  const ignores: readonly (readonly [ignore: readonly string[], expect: readonly string[]])[] = [
    [[], ['in', 'in/a.md', 'in/deep', 'in/deep/b.md', 'in/deep/c.ts', 'top.md']],
    [['**/*.md'], ['in', 'in/deep', 'in/deep/c.ts']],
    [['in'], ['top.md']],
    [
      ['in', '!in/deep/c.ts'],
      ['in', 'in/deep', 'in/deep/c.ts', 'top.md'],
    ],
    [['in', '!in/missing'], ['top.md']],
    [
      ['*', '!**/b.md'],
      ['in', 'in/deep', 'in/deep/b.md'],
    ],
    [
      ['*', '!in', 'in/deep'],
      ['in', 'in/a.md'],
    ],
  ]
  for (const [ignore, expect] of ignores) {
    test(`copy() leaves out what .dockerignore says: ${ignore.join(' ') || 'nothing'}`, async () => {
      await using bench = await openBench({
        context: { 'in/a.md': '', 'in/deep/b.md': '', 'in/deep/c.ts': '', 'top.md': '' },
      })
      const source = { kind: 'context' as const, directory: bench.context, ignore }
      const { digest, files } = await bench.files.digest(bench.request({ source, sources: ['.'] }))
      assert.is(files, expect.filter((path) => path.includes('.')).length)
      const alone = await openBench({
        context: Object.fromEntries(expect.map((path) => [path.includes('.') ? path : `${path}/`, ''])),
      })
      try {
        assert.is((await alone.files.digest(alone.request({ sources: ['.'] }))).digest, digest)
      } finally {
        await alone[Symbol.asyncDispose]()
      }
    })
  }

  const missing: readonly (readonly [change: Partial<CopyRequest>, ignore: readonly string[], hint: RegExp])[] = [
    [{ sources: ['src/mian.ts'] }, [], /Did you mean "src\/main\.ts"\?/],
    [{ sources: ['scr/main.ts'] }, [], /Did you mean "src"\?/],
    [{ sources: ['src/main.ts'] }, ['**/*.ts'], /\/src\/main\.ts is there, but \.dockerignore excludes it/],
    [{ sources: ['src/main.ts'] }, ['src'], /\.dockerignore excludes it/],
  ]
  for (const [change, ignore, hint] of missing) {
    test(`digest() says what is wrong with ${change.sources} where .dockerignore has "${ignore}"`, async () => {
      await using bench = await openBench({ context: { 'src/main.ts': '', 'lib/x': '' } })
      const source = { kind: 'context' as const, directory: bench.context, ignore }
      const failure = await bench.files.digest(bench.request({ ...change, source })).then(
        () => undefined,
        (error: Error & { code: string; hint?: string }) => error,
      )
      assert.is(failure?.code, 'COPY_SOURCE_NOT_FOUND')
      assert.match(failure?.message ?? '', `"/${change.sources}": not found`)
      assert.match(failure?.hint ?? '', hint)
    })
  }

  test(
    'digest() of a chain is remembered for its id, also when its files are gone',
    async () => {
      await using bench = await openBench()
      const stage = join(bench.root, 'stage')
      plant(stage, { 'out/a': { text: 'A' }, 'out/b': 'B' })
      const request = bench.request({ source: chain('stage', 'result-1'), sources: ['/out'], destination: '/d/' })
      const first = await bench.files.digest(request)
      rmSync(stage, { recursive: true })
      assert.equal(await bench.files.digest(request), first)
      assert.is(bench.views, 1)
      plant(stage, { 'out/a': 'A', 'out/b': 'changed' })
      const other = await bench.files.digest({ ...request, source: chain('stage', 'result-2') })
      assert.is.not(other.digest, first.digest)
      assert.is(bench.views, 2)
    },
    { skip: needsRoot },
  )

  test(
    'digest() of a chain without layers finds nothing',
    async () => {
      await using bench = await openBench()
      const source = { kind: 'chain' as const, id: 'scratch', layers: async () => [] }
      await bench.files.digest(bench.request({ source, sources: ['/a'] })).then(
        () => assert.unreachable(),
        (error: Error & { code: string }) => assert.is(error.code, 'COPY_SOURCE_NOT_FOUND'),
      )
    },
    { skip: needsRoot },
  )
})

tests('files: memo', (test) => {
  test('a file is read once, and again when its stat changes', async () => {
    await using dir = await tempDir()
    plant(dir.path, { a: 'A', 'in/b': 'B', 'in/c': 'C' })
    const { scan } = scanner(dir.path)
    const first = scan()
    assert.is(first.read, 5)
    assert.equal(scan(), { ...first, read: 0 })
    appendFileSync(join(dir.path, 'in/b'), '!')
    const second = scan()
    assert.is(second.read, 1)
    assert.is.not(second.digest, first.digest)
    writeFileSync(join(dir.path, 'in/b'), 'B')
    assert.is(scan().digest, first.digest)
  })

  test('a selection fills the memo for another one', async () => {
    await using dir = await tempDir()
    plant(dir.path, { a: 'A', 'in/b': 'B', 'in/c': 'C' })
    const { scan } = scanner(dir.path)
    assert.is(scan('in').read, 3)
    assert.is(scan('in/b').read, 0)
    assert.is(scan('*').read, 1)
  })

  test('a file that changed just before the scan is not trusted later', async () => {
    await using dir = await tempDir()
    plant(dir.path, { a: 'A' })
    const { scan } = scanner(dir.path)
    assert.is(scan('a', { now: Date.now() }).read, 1)
    assert.is(scan('a', { now: Date.now() }).read, 1)
    await sleep(60)
    assert.is(scan('a', { now: Date.now() }).read, 1)
    assert.is(scan('a', { now: Date.now() }).read, 0)
  })

  test('entries on anonymous devices count for one boot', async () => {
    // /dev/shm is a tmpfs, which has no device of its own.
    const directory = `/dev/shm/tsbuild-test-${process.pid}`
    mkdirSync(directory)
    try {
      plant(directory, { a: 'A', b: 'B' })
      const { scan } = scanner(directory)
      scan()
      assert.is(scan('.').read, 0)
      assert.is(scan('.', { bootId: 'boot-2' }).read, 3)
      assert.is(scan('.', { bootId: 'boot-2' }).read, 0)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  test('what is gone is forgotten, directories with their rows', async () => {
    await using dir = await tempDir()
    plant(dir.path, { a: 'A', 'in/deep/b': 'B', 'keep/c': 'C' })
    const { scan, rows } = scanner(dir.path)
    scan()
    assert.is(rows.size, 5)
    rmSync(join(dir.path, 'in'), { recursive: true })
    rmSync(join(dir.path, 'a'))
    scan()
    assert.equal(
      [...rows.keys()].sort(),
      [dir.path.slice(0, dir.path.lastIndexOf('/')), dir.path, join(dir.path, 'keep')].sort(),
    )
    const row = decodeMemoRow(Buffer.from(rows.get(dir.path) ?? []))
    assert.equal(row?.names, ['keep'])
  })

  test('encodeMemoRow() and decodeMemoRow() agree, and damage is no row', () => {
    const row = {
      directory: '/a/b\xff',
      bootId: '8d2c',
      names: ['x', '\xe9', 'long'.repeat(60)],
      records: Buffer.alloc(3 * recordBytes, 7),
    }
    const bytes = Buffer.from(encodeMemoRow(row))
    assert.equal(decodeMemoRow(bytes), row)
    assert.is(memoRowDirectory(bytes), row.directory)
    for (const cut of [0, 1, 10, 20, bytes.length - 1]) assert.is(decodeMemoRow(bytes.subarray(0, cut)), undefined)
    assert.is(decodeMemoRow(Buffer.concat([Buffer.of(9), bytes.subarray(1)])), undefined)
  })
})

tests('files: 20,000 files', (test) => {
  test(
    'digest() and copy() are quick on 20,000 small files',
    async () => {
      await using bench = await openBench()
      for (let d = 0; d < 200; d++) {
        const directory = join(bench.context, `d${d}`)
        mkdirSync(directory)
        for (let f = 0; f < 100; f++) writeFileSync(join(directory, `file-${f}.txt`), `${d} ${f} `.repeat(400))
      }
      await sleep(100)
      const request = bench.request({ sources: ['.'], destination: '/app/' })
      const times: Record<string, number> = {}
      const timed = async <T>(name: string, action: () => Promise<T>) => {
        const start = performance.now()
        const result = await action()
        times[name] = Math.round(performance.now() - start)
        return result
      }
      const first = await timed('cold digest', () => bench.files.digest(request))
      for (let again = 1; again <= 5; again++) {
        const repeated = await timed(`digest again ${again}`, () => bench.files.digest(request))
        assert.is(repeated.digest, first.digest)
      }
      if (process.getuid?.() === 0) {
        await timed('copy', () => bench.files.copy(bench.mount, request, { expected: first.digest }))
      }
      console.log(`\n   20,000 files (ms): ${JSON.stringify(times)}`)
      assert.is(first.files, 20_000)
      assert.ok((times['digest again 5'] ?? 0) < (times['cold digest'] ?? 0))
    },
    { timeoutMs: 120_000 },
  )
})
