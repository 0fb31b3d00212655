import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { chain, look, needsRoot, openBench, plant } from './files-support.js'
import { passwd, passwdLook } from './passwd-files.js'

tests('files: copy', (test) => {
  test(
    'copy() keeps the owners of a chain, unless --chown says otherwise',
    async () => {
      await using bench = await openBench()
      plant(join(bench.root, 'stage'), { 'out/a': { text: 'A', owner: '65:66' }, 'out/in/': { owner: '7:8' } })
      await bench.run({ source: chain('stage'), sources: ['/out'], destination: '/kept/' })
      await bench.run({ source: chain('stage'), sources: ['/out'], destination: '/given/', chown: '1:1' })
      assert.equal(look(bench.image), {
        given: 'd 755 1:1',
        'given/a': 'f 644 1:1 A',
        'given/in': 'd 755 1:1',
        kept: 'd 755',
        'kept/a': 'f 644 65:66 A',
        'kept/in': 'd 755 7:8',
      })
    },
    { skip: needsRoot },
  )

  test(
    'copy() keeps times to the nanosecond, or sets the one that is asked for',
    async () => {
      await using bench = await openBench({ context: { 'src/in/a': { text: 'A', time: -86_400.5 } } })
      await bench.run({ sources: ['src'], destination: '/kept/' })
      await bench.run({ sources: ['src'], destination: '/set/new/', modifiedTime: 1_000_000_000 })
      const time = (path: string) => statSync(join(bench.image, path), { bigint: true }).mtimeNs
      assert.is(time('kept/in/a'), statSync(join(bench.context, 'src/in/a'), { bigint: true }).mtimeNs)
      assert.is(time('kept/in'), statSync(join(bench.context, 'src/in'), { bigint: true }).mtimeNs)
      for (const path of ['set', 'set/new', 'set/new/in', 'set/new/in/a'])
        assert.is(time(path), 1_000_000_000_000_000_000n)
    },
    { skip: needsRoot },
  )

  test(
    'copy() makes an empty file of a socket',
    async () => {
      await using bench = await openBench({ context: { 'src/': '' } })
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(join(bench.context, 'src/socket'), resolve))
      try {
        await bench.run({ sources: ['src'], destination: '/d/' })
        assert.match(look(bench.image)['d/socket'] ?? '', /^f 7\d\d$/)
      } finally {
        await new Promise((resolve) => server.close(resolve))
      }
    },
    { skip: needsRoot },
  )

  test(
    'copy() carries names that are not UTF-8',
    async () => {
      await using bench = await openBench({ context: { 'src/': '' } })
      const name = Buffer.from([0x66, 0xff, 0x80])
      mkdirSync(Buffer.concat([Buffer.from(`${bench.context}/src/d`), name]))
      writeFileSync(Buffer.concat([Buffer.from(`${bench.context}/src/d`), name, Buffer.from('/'), name]), 'bytes')
      await bench.run({ sources: ['src'], destination: '/x/' })
      const found = statSync(Buffer.concat([Buffer.from(`${bench.image}/x/d`), name, Buffer.from('/'), name]))
      assert.is(found.size, 5)
    },
    { skip: needsRoot },
  )

  test(
    'copy() stays in the image whatever its links say',
    async () => {
      await using bench = await openBench({ context: { a: 'A' } })
      const outside = join(bench.root, 'outside')
      mkdirSync(outside)
      plant(bench.image, { abs: `-> ${outside}`, up: '-> ../outside', esc: `-> ${'../'.repeat(20)}etc` })
      await bench.run({ sources: ['a'], destination: '/abs/' })
      await bench.run({ sources: ['a'], destination: '/up/x' })
      await bench.run({ sources: ['a'], destination: '/esc/tsbuild-test-escape/' })
      assert.equal(look(outside), {})
      assert.throws(() => statSync('/etc/tsbuild-test-escape'), /ENOENT/)
      assert.is(look(bench.image)[join(outside.slice(1), 'a')], 'f 644 A')
      assert.is(look(bench.image)['etc/tsbuild-test-escape/a'], 'f 644 A')
    },
    { skip: needsRoot },
  )

  test(
    'copy() copies big files, tells its progress and stops when it is told to',
    async () => {
      await using bench = await openBench()
      const data = Buffer.alloc(40 << 20, 'big')
      writeFileSync(join(bench.context, 'big'), data)
      const request = bench.request({ sources: ['big'], destination: '/d/' })
      const { digest, bytes } = await bench.files.digest(request)
      assert.is(bytes, data.length)
      const seen: number[] = []
      await bench.files.copy(bench.mount, request, { expected: digest, onProgress: (done) => seen.push(done) })
      assert.ok(seen.length > 0)
      assert.is(statSync(join(bench.image, 'd/big')).size, data.length)
      const controller = new AbortController()
      const stopped = bench.files.copy(bench.mount, request, {
        expected: digest,
        signal: controller.signal,
        onProgress: () => controller.abort(new Error('enough')),
      })
      await stopped.then(
        () => assert.unreachable(),
        (error: Error) => assert.is(error.message, 'enough'),
      )
    },
    { skip: needsRoot },
  )

  test(
    'copy() rejects with CONTEXT_CHANGED when the context was edited after the scan',
    async () => {
      await using bench = await openBench({ context: { 'src/a': 'A', 'src/b': 'B' } })
      const request = bench.request({ sources: ['src'], destination: '/d/' })
      const { digest } = await bench.files.digest(request)
      for (const edit of [{ 'src/a': 'other' }, { 'src/a': 'A', 'src/c': 'new' }]) {
        plant(bench.context, edit)
        await bench.files.copy(bench.mount, request, { expected: digest }).then(
          () => assert.unreachable(),
          (error: Error & { code: string }) => assert.is(error.code, 'CONTEXT_CHANGED'),
        )
      }
      await bench.run({ sources: ['src'], destination: '/d/' })
      assert.is(look(bench.image)['d/c'], 'f 644 new')
    },
    { skip: needsRoot },
  )

  test(
    'makeDirectory() gives what it makes to the user, and follows links',
    async () => {
      await using bench = await openBench({ image: { ...passwd, 'old/': { mode: 0o700 }, link: '-> /to/be' } })
      assert.equal(await bench.files.makeDirectory(bench.mount, '/old/a/b', { user: 'app' }), { created: true })
      assert.equal(await bench.files.makeDirectory(bench.mount, '/old/a/b', { user: '5' }), { created: false })
      assert.equal(await bench.files.makeDirectory(bench.mount, '/link'), { created: true })
      assert.equal(look(bench.image), {
        ...passwdLook,
        link: 'l /to/be',
        old: 'd 700',
        'old/a': 'd 755 10:20',
        'old/a/b': 'd 755 10:20',
        to: 'd 755',
        'to/be': 'd 755',
      })
      assert.equal(await bench.files.lookUpUser(bench.mount, 'app:staff'), { uid: 10, gid: 50 })
      assert.equal(await bench.files.lookUpUser(bench.mount, '4294967294'), { uid: 4294967294, gid: 4294967294 })
    },
    { skip: needsRoot },
  )
})
