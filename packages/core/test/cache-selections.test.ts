import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { busyboxRootfs, findProgram, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import type { SelectionDigest, SelectionDigests } from '../dist/files/index.js'
import { build, contents, from, machine, to } from './cache-machines.js'
import { changeRecord, recordOf } from './cache-record-json.js'
import { chain, needsRoot, openBench, plant } from './files-support.js'
import { skip } from './images-support.js'
import { MemoryCacheBackend } from './memory-cache-backend.js'

const runSkip = skip ?? (findProgram('busybox') === undefined ? 'busybox is not installed' : undefined)

const copies = `FROM base AS build
COPY a /src/a
FROM base
COPY --from=build /src/a /out/
`

const odd = `sha256:${'0'.repeat(64)}`

/** What an import says of selections: the same of all. */
class Said implements SelectionDigests {
  readonly disproved: string[] = []
  readonly noted: SelectionDigest[] = []
  #said: SelectionDigest | undefined

  constructor(said: SelectionDigest) {
    this.#said = said
  }

  find(): SelectionDigest | undefined {
    return this.#said
  }

  note(_: string, digest: SelectionDigest): void {
    this.noted.push(digest)
  }

  disprove(_: string, { id, path }: { readonly id: string; readonly path: string }): void {
    this.disproved.push(`${id} ${path}`)
    this.#said = undefined
  }
}

tests('digests of selections from elsewhere', (test) => {
  test(
    'digest() believes what it is told to, and tells of what proves wrong',
    async () => {
      await using bench = await openBench()
      plant(join(bench.root, 'stage'), { a: 'A' })
      const wrong: SelectionDigest = { digest: odd as SelectionDigest['digest'], files: 1, bytes: 1 }
      const said = new Said(wrong)
      const request = bench.request({ source: { ...chain('stage'), digests: said }, sources: ['/a'] })
      const plain = bench.request({ source: chain('stage', 'other'), sources: ['/a'] })
      const right = await bench.files.digest(plain)
      assert.is.not((await bench.files.digest(request)).digest, right.digest)
      assert.equal(said.disproved, [])
      assert.is((await bench.files.digest(request, { believe: 'own' })).digest, right.digest)
      assert.equal(said.disproved, ['stage /a'])
      assert.is(said.noted.at(-1)?.digest === odd, false)
      const views = bench.views
      // From now on it is known here, and only who believes nothing reads the files again.
      assert.is((await bench.files.digest(request, { believe: 'own' })).digest, right.digest)
      assert.is(bench.views, views)
      plant(join(bench.root, 'stage'), { a: 'B' })
      assert.is((await bench.files.digest(request)).digest, right.digest)
      const now = await bench.files.digest(request, { believe: 'nothing' })
      assert.is.not(now.digest, right.digest)
      assert.is((await bench.files.digest(request)).digest, now.digest)
    },
    { skip: needsRoot },
  )

  test(
    'build() copies the files that are there where a cache says others, and remembers what it has copied',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const [backend, again] = [new MemoryCacheBackend(), new MemoryCacheBackend()]
      await build(first, { dockerfileText: copies, cacheTo: to(backend, { mode: 'max' }) })
      const right = recordOf(backend)
      changeRecord(backend, ({ digests }) => {
        for (const one of Object.values(digests)) one.digest = odd
      })
      const dest = join(second.path, 'files')
      const { ran, warnings } = await build(second, {
        dockerfileText: copies,
        cacheFrom: from(backend),
        cacheTo: to(again, { mode: 'max' }),
        outputs: [{ type: 'local', dest }],
      })
      assert.equal(ran, ['[stage-1 2/2] COPY --from=build /src/a /out/'])
      assert.equal(warnings, [
        'Cannot use what an imported cache says of "/src/a" of step "[build 2/2] COPY a /src/a": its files are others, and were read here',
      ])
      assert.equal(await contents(dest), { '/etc': 'base', '/out/a': 'a' })
      // What it exports is right again.
      assert.equal(recordOf(again).digests, right.digests)
      const later = await build(second, { dockerfileText: copies })
      assert.equal(later.ran, [])
    },
    { skip },
  )

  test(
    'build() takes the digests of the first of several caches',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const [right, wrong] = [new MemoryCacheBackend(), new MemoryCacheBackend()]
      await build(first, { dockerfileText: copies, cacheTo: [...to(right), ...to(wrong)] })
      changeRecord(wrong, ({ digests }) => {
        for (const one of Object.values(digests)) one.digest = odd
      })
      const { ran, warnings } = await build(second, { dockerfileText: copies, cacheFrom: from(right, wrong) })
      assert.equal(ran, [])
      assert.equal(warnings, [])
    },
    { skip },
  )

  test(
    'build() remembers a RUN by the files that it has really seen in its mounts',
    async () => {
      const mounts = `FROM scratch AS tools
COPY busybox /
FROM scratch AS one
COPY a /data/file
FROM scratch AS two
COPY b /data/file
FROM tools
RUN --mount=type=bind,from=one,source=/data,target=/data cat /data/file > /seen
`
      const other = mounts.replace('from=one', 'from=two')
      await using first = await machine()
      await using second = await machine()
      for (const { path } of [first, second]) {
        await busyboxRootfs(join(path, 'busybox'))
        await cp(join(path, 'busybox'), join(path, 'context/busybox'), { recursive: true, verbatimSymlinks: true })
      }
      const backend = new MemoryCacheBackend()
      await build(first, { dockerfileText: mounts, cacheTo: to(backend, { mode: 'max' }) })
      const byOther = new MemoryCacheBackend()
      await build(first, { dockerfileText: other, cacheTo: to(byOther, { mode: 'max' }) })
      const [digestOfTwo] = Object.values(recordOf(byOther).digests)
      // It says that the first stage has the files of the second.
      changeRecord(backend, ({ digests }) => {
        for (const one of Object.values(digests)) one.digest = digestOfTwo?.digest ?? ''
      })
      const dest = join(second.path, 'files')
      const seen = async (dockerfileText: string, more: object) => {
        await rm(dest, { recursive: true, force: true })
        const built = await build(second, { dockerfileText, outputs: [{ type: 'local', dest }], ...more })
        return { ...built, seen: (await contents(dest))['/seen'] }
      }
      const poisoned = await seen(mounts, { cacheFrom: from(backend) })
      assert.is(poisoned.seen, 'a')
      assert.is(poisoned.warnings.length, 1)
      assert.match(poisoned.warnings[0] ?? '', /says of "\/data" of step "\[one 1\/1\] COPY a \/data\/file"/)
      const two = await seen(other, {})
      assert.is(two.seen, 'b')
      const one = await seen(mounts, {})
      assert.is(one.seen, 'a')
      assert.is(
        one.ran.some((name) => name.includes('RUN')),
        false,
      )
    },
    { skip: runSkip, timeoutMs: 120_000 },
  )
})
