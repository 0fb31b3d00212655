import { createHash, randomBytes } from 'node:crypto'
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compress } from '@tsbuild/exporter'
import { LOCK_EX, openHost } from '@tsbuild/host'
import { type Descriptor, type Digest, digestOf, hasCode } from '@tsbuild/spec'
import { type TestOptions, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { sweepAsides } from '../dist/cache/mounts/aside.js'
import { encodeTree } from '../dist/cache/mounts/encode-tree.js'
import { exportMount, importMount, type MountExport, readMountExports } from '../dist/cache/mounts/index.js'
import type { MountTree, TreeEntry } from '../dist/cache/mounts/tree.js'
import { needsRoot } from './files-support.js'
import { describeTree, folderIn, MemoryBackend, nameOf, others } from './mounts-support.js'

const asRoot: TestOptions = { skip: needsRoot, timeoutMs: 120_000 }

async function place() {
  const directory = await tempDir()
  const backend = new MemoryBackend()
  return {
    directory: directory.path,
    to: folderIn(directory.path, 'cd'),
    backend,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

async function smallExport(directory: string, backend: MemoryBackend): Promise<MountExport> {
  const folder = folderIn(directory, 'ab')
  mkdirSync(join(folder, 'sub'), { recursive: true })
  writeFileSync(join(folder, 'sub/random'), randomBytes(300))
  writeFileSync(join(folder, 'text'), 'some text '.repeat(200))
  linkSync(join(folder, 'text'), join(folder, 'text again'))
  symlinkSync('text', join(folder, 'way'))
  const out = await exportMount({ folder, name: nameOf('ab'), id: 'x' }, backend)
  if (out === undefined) throw new Error('nothing exported')
  rmSync(`${folder}.index`)
  return out.mount
}

const isInvalid = (error: unknown) => hasCode(error, 'CACHE_INVALID')

async function rejected(promise: Promise<unknown>, check: (error: unknown) => boolean): Promise<void> {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (!check(error)) throw error
}

/** An export made by hand, of contents that are letters. */
async function forged(
  { backend }: { backend: MemoryBackend },
  entries: readonly TreeEntry[],
  change: Partial<MountTree> = {},
): Promise<MountExport> {
  const sha = createHash('sha256').update('abcdefghij').digest('binary')
  const tree = { packs: [10], contents: [{ digest: sha, size: 10, pack: 0, offset: 0 }], entries, ...change }
  const files = entries.filter(({ kind }) => kind === 'file')
  return {
    name: nameOf('ab'),
    id: 'x',
    files: files.length,
    bytes: files.reduce((sum, entry) => sum + (entry.kind === 'file' && entry.content === 0 ? 10 : 0), 0),
    tree: await blobOf(backend, encodeTree(tree), 'application/vnd.tsbuild.cache.mount.tree.v1+zstd'),
    packs: [await blobOf(backend, Buffer.from('abcdefghij'), 'application/vnd.tsbuild.cache.mount.pack.v1+zstd')],
  }
}

const plain = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, xattrs: [] }
const top: TreeEntry = { kind: 'directory', path: '', ...plain }
const directory = (path: string): TreeEntry => ({ kind: 'directory', path, ...plain })
const file = (path: string, content: number | undefined = 0): TreeEntry => ({ kind: 'file', path, ...plain, content })
const symlink = (path: string, target: string): TreeEntry => ({ kind: 'symlink', path, ...plain, target })
const link = (path: string, to: string): TreeEntry => ({ kind: 'link', path, to })

const hostile: Record<string, { readonly entries: readonly TreeEntry[]; readonly change?: Partial<MountTree> }> = {
  'a path that goes up': { entries: [top, file('../escaped')] },
  'a path through a symlink': { entries: [top, symlink('out', '..'), file('out/escaped')] },
  'another content': {
    entries: [top, file('a')],
    change: { contents: [{ digest: 'x'.repeat(32), size: 10, pack: 0, offset: 0 }] },
  },
  'a longer pack': { entries: [top, file('a')], change: { packs: [11] } },
  'a shorter pack': {
    entries: [top],
    change: { packs: [9], contents: [{ digest: 'x'.repeat(32), size: 9, pack: 0, offset: 0 }] },
  },
  'a pack of a terabyte': { entries: [top, file('a')], change: { packs: [2 ** 40] } },
  'two packs': { entries: [top, file('a')], change: { packs: [10, 10] } },
}

tests('damaged cache mounts', (test) => {
  test(
    'importMount() takes what was made by hand',
    async () => {
      await using at = await place()
      const entries = [
        top,
        file('a'),
        directory('b'),
        file('b/c', undefined),
        link('b/d', 'a'),
        file('b.e'),
        symlink('f', '/'),
      ]
      assert.is(await importMount(await forged(at, entries), at.backend, at.to), true)
      assert.equal(readdirSync(at.to), ['a', 'b', 'b.e', 'f'])
    },
    asRoot,
  )

  for (const [title, { entries, change }] of Object.entries(hostile)) {
    test(
      `importMount() refuses ${title}`,
      async () => {
        await using at = await place()
        const mount = await forged(at, entries, change)
        await rejected(importMount(mount, at.backend, at.to), isInvalid)
        assert.equal(others(at.directory), [])
      },
      asRoot,
    )
  }

  test(
    'importMount() refuses more than the record or the limit says',
    async () => {
      await using at = await place()
      const mount = await forged(at, [top, file('a'), file('b')])
      for (const change of [{ files: 1 }, { bytes: 10 }, { packs: [] }]) {
        await rejected(importMount({ ...mount, ...change }, at.backend, at.to), isInvalid)
      }
      await rejected(importMount(mount, at.backend, at.to, { maxBytes: 19 }), isInvalid)
      await rejected(importMount({ ...mount, bytes: 10 }, at.backend, at.to, { maxBytes: 19 }), isInvalid)
      assert.equal(others(at.directory), [])
      assert.is(await importMount(mount, at.backend, at.to, { maxBytes: 20 }), true)
    },
    asRoot,
  )

  test(
    'importMount() refuses every blob with a changed or missing byte',
    async () => {
      await using at = await place()
      const mount = await smallExport(at.directory, at.backend)
      for (const { digest } of [mount.tree, ...mount.packs]) {
        const good = at.backend.blobs.get(digest) as Uint8Array
        const step = Math.max(1, Math.floor(good.length / 3))
        for (let byte = 0; byte < good.length; byte += step) {
          const flipped = Uint8Array.from(good)
          flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (byte % 8))
          for (const bad of [flipped, good.slice(0, byte), Buffer.concat([good, good.slice(0, byte + 1)])]) {
            at.backend.blobs.set(digest, bad)
            await rejected(importMount(mount, at.backend, at.to), isInvalid)
          }
        }
        at.backend.blobs.set(digest, good)
      }
      assert.equal(others(at.directory), [nameOf('ab')])
      assert.is(await importMount(mount, at.backend, at.to), true)
      assert.equal(describeTree(at.to), describeTree(folderIn(at.directory, 'ab')))
    },
    asRoot,
  )

  test(
    'importMount() passes errors of the backend on, and leaves nothing',
    async () => {
      await using at = await place()
      const mount = await forged(at, [top, file('a')])
      const pack = mount.packs[0]?.digest as Digest
      at.backend.blobs.delete(pack)
      await rejected(importMount(mount, at.backend, at.to), (error) => (error as Error).message === `no blob ${pack}`)
      assert.equal(others(at.directory), [])
    },
    asRoot,
  )

  test(
    'importMount() leaves nothing when it is aborted',
    async () => {
      await using at = await place()
      const mount = await forged(at, [top, file('a')])
      const stop = new AbortController()
      const reason = new Error('enough')
      const get = at.backend.get.bind(at.backend)
      at.backend.get = async function* (blob, { signal } = {}) {
        if (blob === mount.tree) {
          yield* get(blob)
          return
        }
        yield Uint8Array.of(1)
        stop.abort(reason)
        await new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
          if (signal?.aborted) reject(signal.reason)
        })
      }
      await rejected(importMount(mount, at.backend, at.to, { signal: stop.signal }), (error) => error === reason)
      await rejected(importMount(mount, at.backend, at.to, { signal: stop.signal }), (error) => error === reason)
      assert.equal(others(at.directory), [])
    },
    asRoot,
  )

  test(
    'exportMount() leaves nothing when it is aborted or the backend fails',
    async () => {
      await using at = await place()
      const folder = folderIn(at.directory, 'ab')
      mkdirSync(folder)
      writeFileSync(join(folder, 'a'), randomBytes(1000))
      const stop = new AbortController()
      const reason = new Error('enough')
      at.backend.onPut = () => {
        throw reason
      }
      const mount = { folder, name: nameOf('ab'), id: 'x' }
      await rejected(exportMount(mount, at.backend), (error) => error === reason)
      at.backend.onPut = () => {
        stop.abort(reason)
        throw reason
      }
      await rejected(exportMount(mount, at.backend, { signal: stop.signal }), (error) => error === reason)
      assert.equal(others(at.directory), [nameOf('ab')])
    },
    asRoot,
  )

  test(
    'exportMount() sends all again where the previous list is damaged',
    async () => {
      await using at = await place()
      const previous = await smallExport(at.directory, at.backend)
      const blob = at.backend.blobs.get(previous.tree.digest) as Uint8Array
      at.backend.blobs.set(previous.tree.digest, blob.slice(0, -3))
      const folder = folderIn(at.directory, 'ab')
      const out = await exportMount({ folder, name: nameOf('ab'), id: 'x', previous }, at.backend)
      assert.equal(out?.mount, previous)
      assert.is(await importMount(previous, at.backend, at.to), true)
    },
    asRoot,
  )

  test(
    'sweepAsides() takes what dead processes left',
    async () => {
      await using at = await place()
      const dead = 2 ** 22 + 1
      const names = {
        gone: [`${nameOf('ab')}.${dead}-1`, `${nameOf('ab')}-1.${dead}-2`, `${nameOf('ef')}.index`],
        kept: [
          nameOf('ab'),
          `${nameOf('ab')}-1`,
          `${nameOf('ab')}.${process.pid}-1`,
          `${nameOf('ab')}.index`,
          'other.1-1',
        ],
      }
      for (const name of [...names.gone, ...names.kept]) {
        if (name.endsWith('.index')) writeFileSync(join(at.directory, name), '')
        else mkdirSync(join(at.directory, name, 'sub'), { recursive: true })
      }
      const locked = `${nameOf('ab')}.${dead}-3`
      mkdirSync(join(at.directory, locked))
      const fd = openSync(join(at.directory, locked), 'r')
      openHost().flock(fd, LOCK_EX)
      await sweepAsides(at.directory)
      closeSync(fd)
      assert.equal(others(at.directory), [...names.kept, locked].sort())
      await sweepAsides(at.directory)
      assert.equal(others(at.directory), names.kept.sort())
      await sweepAsides(join(at.directory, 'none'))
    },
    asRoot,
  )

  test('readMountExports() takes what exportMount() returns, and no more', () => {
    const good = goodRecord()
    assert.equal(readMountExports([]), [])
    assert.equal(readMountExports(JSON.parse(JSON.stringify([{ ...good, more: 1 }]))), [good])
  })

  const bad: Record<string, unknown> = {
    'no list': {},
    null: null,
    'a text in it': ['x'],
    'a path as name': [{ ...goodRecord(), name: '../../etc' }],
    'two of one name': [goodRecord(), goodRecord()],
    'an id that is a number': [{ ...goodRecord(), id: 1 }],
    'bytes below 0': [{ ...goodRecord(), bytes: -1 }],
    'half a file': [{ ...goodRecord(), files: 0.5 }],
    'no tree': [{ ...goodRecord(), tree: undefined }],
    'a tree as a pack': [{ ...goodRecord(), packs: [goodRecord().tree] }],
    'a digest that is none': [{ ...goodRecord(), tree: { ...goodRecord().tree, digest: 'sha256:../x' } }],
    'a blob of nothing': [{ ...goodRecord(), tree: { ...goodRecord().tree, size: 0 } }],
    'packs that are no list': [{ ...goodRecord(), packs: {} }],
  }
  for (const [title, value] of Object.entries(bad)) {
    test(`readMountExports() refuses ${title}`, () => {
      assert.throws(() => readMountExports(value), isInvalid)
    })
  }
})

function goodRecord(): MountExport {
  const blob = (kind: string) => ({
    mediaType: `application/vnd.tsbuild.cache.mount.${kind}.v1+zstd`,
    digest: digestOf(kind),
    size: 10,
  })
  return { name: nameOf('ab'), id: '/root/.cache', files: 1, bytes: 2, tree: blob('tree'), packs: [blob('pack')] }
}

async function blobOf(backend: MemoryBackend, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const chunks: Uint8Array[] = []
  const one = async function* () {
    yield bytes
  }
  for await (const chunk of compress(one(), { compression: 'zstd' })) chunks.push(chunk)
  const blob = Buffer.concat(chunks)
  backend.blobs.set(digestOf(blob), blob)
  return { mediaType, digest: digestOf(blob), size: blob.length }
}
