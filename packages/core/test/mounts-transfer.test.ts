import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createKeyLocks, openHost } from '@tsbuild/host'
import { type TestOptions, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type ExportMountOptions, exportMount, importMount, type MountExport } from '../dist/cache/mounts/index.js'
import { needsRoot } from './files-support.js'
import { describeTree, folderIn, MemoryBackend, nameOf, others } from './mounts-support.js'

const id = '/root/.cache'

async function place() {
  const directory = await tempDir()
  const folder = folderIn(directory.path, 'ab')
  mkdirSync(folder)
  return {
    directory: directory.path,
    folder,
    backend: new MemoryBackend(),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

type Place = Awaited<ReturnType<typeof place>>

async function exported(
  { folder, backend }: Place,
  previous?: MountExport,
  { maxBytes, ...options }: ExportMountOptions & { readonly maxBytes?: number } = {},
) {
  const mount = {
    folder,
    name: nameOf('ab'),
    id,
    ...(previous === undefined ? {} : { previous }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  }
  const out = await exportMount(mount, backend, options)
  if (out === undefined) throw new Error('nothing exported')
  return out
}

async function imported({ directory, backend }: Place, mount: MountExport): Promise<string> {
  const to = folderIn(directory, 'cd')
  assert.is(await importMount(mount, backend, to), true)
  return to
}

/** Files whose change can be told by their stat: racy ones are hashed again. */
function age(folder: string): void {
  execFileSync('find', [folder, '-exec', 'touch', '-h', '-d', '2020-02-02 02:02:02.123456789', '{}', '+'])
}

function plantNasty(folder: string): void {
  const at = (name: string) => join(folder, name)
  const setTime = (name: string | Buffer, ns: bigint) => openHost().utimens(name, undefined, ns)
  writeFileSync(at('plain'), 'plain')
  writeFileSync(at('same content'), 'plain')
  writeFileSync(at('empty'), '')
  writeFileSync(at('suid'), '#!/bin/sh\n')
  chownSync(at('suid'), 12, 34)
  chmodSync(at('suid'), 0o6755)
  writeFileSync(at('unreadable'), 'x')
  chmodSync(at('unreadable'), 0)
  linkSync(at('suid'), at('zz linked'))
  mkdirSync(at('empty dir'))
  chmodSync(at('empty dir'), 0o1777)
  mkdirSync(at('read-only'))
  writeFileSync(at('read-only/file'), 'in it')
  symlinkSync('../../../etc/passwd', at('out'))
  symlinkSync('/etc', at('to etc'))
  symlinkSync('nowhere', at('read-only/dangling'))
  openHost().lchown(at('out'), 7, 8)
  writeFileSync(at('größe 🎈'), 'unicode')
  const binary = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x80, 0x0a])])
  writeFileSync(binary, 'not UTF-8')
  symlinkSync(Buffer.from([0x80, 0x81]), Buffer.concat([binary, Buffer.from('link')]))
  const big = openSync(at('big'), 'w')
  writeSync(big, 'start', 0)
  writeSync(big, 'end', 20_000_000)
  closeSync(big)
  writeFileSync(at('random'), randomBytes(3_000_000))
  openHost().lsetxattr(at('plain'), 'user.colour', Buffer.from([0, 1, 255]))
  openHost().lsetxattr(
    at('suid'),
    'security.capability',
    Buffer.from('0100000200040000000000000000000000000000', 'hex'),
  )
  execFileSync('mkfifo', [at('pipe')])
  setTime(at('out'), 1_234_567_890_123_456_789n)
  setTime(at('plain'), 1_600_000_000_999_999_999n)
  setTime(at('empty'), -1_500_000_001n)
  setTime(binary, 1n)
  chmodSync(at('read-only'), 0o500)
  setTime(at('read-only'), 1_500_000_000_000_000_007n)
  chmodSync(folder, 0o750)
  setTime(folder, 1_400_000_000_000_000_001n)
}

function plantMany(folder: string, files: number): void {
  for (let n = 0; n < files; n++) {
    const directory = join(folder, `d${n % 50}`)
    if (n < 50) mkdirSync(directory)
    writeFileSync(join(directory, `file-${n}`), `content of file ${n}\n`.repeat(20))
  }
}

tests('cache mounts travel', (test) => {
  const asRoot: TestOptions = { skip: needsRoot, timeoutMs: 120_000 }

  test(
    'importMount() makes what exportMount() found, but for fifos',
    async () => {
      await using at = await place()
      plantNasty(at.folder)
      const { mount, leftOut, changed } = await exported(at)
      assert.equal([leftOut, changed], [0, 0])
      assert.is(mount.files, 10)
      const to = await imported(at, JSON.parse(JSON.stringify(mount)))
      rmSync(join(at.folder, 'pipe'))
      openHost().utimens(at.folder, undefined, 1_400_000_000_000_000_001n)
      assert.equal(describeTree(to), describeTree(at.folder))
      assert.ok(statSync(join(to, 'big')).blocks * 512 < 1_000_000, 'holes are not filled')
      assert.equal(others(at.directory, nameOf('ab'), nameOf('cd')), [`${nameOf('ab')}.index`])
    },
    asRoot,
  )

  test(
    'exportMount() sends nothing for an unchanged folder',
    async () => {
      await using at = await place()
      plantMany(at.folder, 200)
      const first = await exported(at)
      assert.is(at.backend.takeSent(), first.sentBytes)
      const second = await exported(at, first.mount)
      assert.equal([second.mount, second.sentBytes, at.backend.takeSent()], [first.mount, 0, 0])
      assert.equal([at.backend.hasCalls, at.backend.got], [1, 0])
    },
    asRoot,
  )

  test(
    'exportMount() needs no memory of its own: it reads the previous list from the backend',
    async () => {
      await using at = await place()
      plantMany(at.folder, 100)
      const { mount } = await exported(at)
      rmSync(`${at.folder}.index`)
      const again = await exported(at, mount)
      assert.equal([again.mount, again.sentBytes, at.backend.got], [mount, 0, 1])
      writeFileSync(`${at.folder}.index`, readFileSync(`${at.folder}.index`).fill(7, 500, 510))
      assert.equal((await exported(at, undefined)).mount.tree, mount.tree)
    },
    asRoot,
  )

  test(
    'exportMount() sends one changed file of 5,000 and the list',
    async () => {
      await using at = await place()
      plantMany(at.folder, 5000)
      const first = await exported(at)
      at.backend.takeSent()
      const content = randomBytes(100_000)
      writeFileSync(join(at.folder, 'd7/file-7'), content)
      const second = await exported(at, first.mount)
      assert.ok(second.sentBytes < 2 * content.length + second.mount.tree.size, `${second.sentBytes} bytes sent`)
      assert.is(at.backend.takeSent(), second.sentBytes)
      assert.is(second.mount.packs.length, 2)
      assert.equal(second.mount.packs[0], first.mount.packs[0])
    },
    asRoot,
  )

  test(
    'exportMount() sends the list alone for a renamed file',
    async () => {
      await using at = await place()
      plantMany(at.folder, 100)
      const first = await exported(at)
      at.backend.takeSent()
      renameSync(join(at.folder, 'd7'), join(at.folder, 'other'))
      const { mount, sentBytes } = await exported(at, first.mount)
      assert.equal(mount.packs, first.mount.packs)
      assert.equal([sentBytes, at.backend.takeSent()], [mount.tree.size, mount.tree.size])
      assert.equal(describeTree(await imported(at, mount)), describeTree(at.folder))
    },
    asRoot,
  )

  test(
    'exportMount() sees a change that leaves size and time alone',
    async () => {
      await using at = await place()
      plantMany(at.folder, 50)
      age(at.folder)
      const { mount } = await exported(at)
      const file = join(at.folder, 'd3/file-3')
      const { atime, mtime, size } = statSync(file)
      writeFileSync(file, 'x'.repeat(size))
      utimesSync(file, atime, mtime)
      age(file)
      const second = await exported(at, mount)
      assert.is.not(second.sentBytes, 0)
      const to = await imported(at, second.mount)
      assert.is(readFileSync(join(to, 'd3/file-3'), 'utf8'), 'x'.repeat(size))
    },
    asRoot,
  )

  test(
    'exportMount() keeps what was used last where there is too much',
    async () => {
      await using at = await place()
      for (let n = 0; n < 10; n++) {
        const file = join(at.folder, `f${n}`)
        writeFileSync(file, randomBytes(1000))
        utimesSync(file, 1_000_000 + n, 1_000_000)
      }
      linkSync(join(at.folder, 'f0'), join(at.folder, 'link to f0'))
      const { mount, leftOut } = await exported(at, undefined, { maxBytes: 3500 })
      assert.equal([leftOut, mount.files, mount.bytes], [7, 3, 3000])
      assert.equal(others(await imported(at, mount)).sort(), ['f7', 'f8', 'f9'])
    },
    asRoot,
  )

  test(
    'exportMount() packs anew what is mostly without use',
    async () => {
      await using at = await place()
      for (let n = 0; n < 10; n++) writeFileSync(join(at.folder, `f${n}`), randomBytes(10_000))
      const { mount } = await exported(at)
      for (let n = 0; n < 4; n++) rmSync(join(at.folder, `f${n}`))
      const fewer = (await exported(at, mount)).mount
      assert.equal(fewer.packs, mount.packs)
      for (let n = 4; n < 8; n++) rmSync(join(at.folder, `f${n}`))
      const least = (await exported(at, fewer)).mount
      assert.is(least.packs.length, 1)
      assert.ok((least.packs[0]?.size ?? 0) < 25_000)
      assert.equal(describeTree(await imported(at, least)), describeTree(at.folder))
    },
    asRoot,
  )

  test(
    'exportMount() sends again what the backend has lost',
    async () => {
      await using at = await place()
      plantMany(at.folder, 60)
      const { mount } = await exported(at)
      for (const lost of [mount.tree, ...mount.packs]) {
        at.backend.blobs.delete(lost.digest)
        assert.equal((await exported(at, mount)).mount, mount)
        assert.ok(at.backend.blobs.has(lost.digest))
      }
      at.backend.blobs.clear()
      rmSync(`${at.folder}.index`)
      assert.equal((await exported(at, mount)).mount, mount)
    },
    asRoot,
  )

  test(
    'exportMount() cuts what it sends into packs',
    async () => {
      await using at = await place()
      for (const name of ['a', 'b', 'c']) {
        writeFileSync(join(at.folder, name), name)
        truncateSync(join(at.folder, name), 40 * 1024 * 1024)
      }
      const { mount } = await exported(at)
      assert.is(mount.packs.length, 3)
      assert.equal(describeTree(await imported(at, mount)), describeTree(at.folder))
    },
    asRoot,
  )

  test(
    'exportMount() leaves out what vanishes or changes while it is read, and never sends it under another digest',
    async () => {
      await using at = await place()
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
        writeFileSync(join(at.folder, name), randomBytes(2 * 1024 * 1024))
      }
      let done = false
      // By the time of the first progress everything was hashed, and the thread is a few MiB ahead at most.
      const onProgress = () => {
        if (done) return
        done = true
        rmSync(join(at.folder, 'e'))
        const file = openSync(join(at.folder, 'f'), 'r+')
        writeSync(file, 'changed', 1000)
        closeSync(file)
      }
      const { mount, changed } = await exported(at, undefined, { onProgress })
      const to = await imported(at, mount)
      for (const name of others(to)) {
        assert.ok(['a', 'b', 'c', 'd'].includes(name), name)
        assert.ok(readFileSync(join(to, name)).equals(readFileSync(join(at.folder, name))), name)
      }
      assert.is(changed + mount.files, 6)
      assert.is(changed, 2)
    },
    asRoot,
  )

  test(
    'exportMount() holds the lock while it reads',
    async () => {
      await using at = await place()
      writeFileSync(join(at.folder, 'a'), 'a')
      const locks = createKeyLocks(join(at.directory, 'locks'))
      const lock = { locks, name: 'mount-x' }
      const held = await locks.acquire('mount-x')
      const waiting = exported(at, undefined, { lock })
      writeFileSync(join(at.folder, 'b'), 'b')
      await held[Symbol.asyncDispose]()
      assert.is((await waiting).mount.files, 2)
      await (await locks.acquire('mount-x'))[Symbol.asyncDispose]()
    },
    asRoot,
  )

  test(
    'exportMount() gives nothing for a folder that is not there, or empty',
    async () => {
      await using at = await place()
      const mount = { folder: at.folder, name: nameOf('ab'), id }
      assert.is(await exportMount(mount, at.backend), undefined)
      rmSync(at.folder, { recursive: true })
      assert.is(await exportMount(mount, at.backend), undefined)
      assert.equal([at.backend.takeSent(), others(at.directory)], [0, []])
    },
    asRoot,
  )

  test(
    'importMount() leaves a folder alone that is there',
    async () => {
      await using at = await place()
      writeFileSync(join(at.folder, 'a'), 'a')
      const { mount } = await exported(at)
      const to = folderIn(at.directory, 'cd')
      mkdirSync(to)
      assert.is(await importMount(mount, at.backend, to), false)
      assert.equal(others(to), [])
      rmSync(to, { recursive: true })
      const get = at.backend.get.bind(at.backend)
      at.backend.get = (blob, options) => {
        mkdirSync(to, { recursive: true })
        return get(blob, options)
      }
      assert.is(await importMount(mount, at.backend, to), false)
      assert.equal(others(to), [])
    },
    asRoot,
  )
})
