import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { Downloader, type DownloadRow } from '../dist/files/download.js'
import { look, needsRoot, openBench, plant, type Tree } from './files-support.js'

const payload: Tree = {
  'top.txt': 'T',
  'bin/': { mode: 0o700, owner: '7:8' },
  'bin/run': { text: 'R', mode: 0o4755, owner: '7:8' },
  link: '-> bin/run',
}
const unpacked = { bin: 'd 700 7:8', 'bin/run': 'f 4755 7:8 R', link: 'l bin/run', 'top.txt': 'f 644 T' }

/** A tar of the payload, made by GNU tar. */
function archive(root: string, name: string, ...flags: string[]): void {
  plant(join(root, '..', 'payload'), payload)
  execFileSync('tar', [
    '-C',
    join(root, '..', 'payload'),
    ...flags,
    '-cf',
    join(root, name),
    ...Object.keys(payload).filter((key) => key !== 'bin/run'),
  ])
}

function has(tool: string): boolean {
  return ['/bin', '/usr/bin', '/usr/local/bin'].some((directory) => existsSync(join(directory, tool)))
}

async function serve(listener: RequestListener): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

tests('files: ADD of archives', (test) => {
  const forms: Readonly<Record<string, readonly [flags: readonly string[], tool: string]>> = {
    'plain.tar': [[], 'tar'],
    'gnu-and-no-name-that-says-so': [['-z', '--format=gnu'], 'gzip'],
    'a.tgz': [['-z'], 'gzip'],
    'a.tar.bz2': [['-j'], 'bzip2'],
    'a.tar.xz': [['-J'], 'xz'],
    'a.tar.zst': [['--zstd'], 'zstd'],
  }
  for (const [name, [flags, tool]] of Object.entries(forms)) {
    test(
      `copy() unpacks ${name}`,
      async () => {
        await using bench = await openBench()
        archive(bench.context, name, ...flags)
        await bench.run({ kind: 'add', sources: [name], destination: '/x' })
        assert.equal(look(join(bench.image, 'x')), unpacked)
      },
      { skip: needsRoot || (!has(tool) && `${tool} is missing`) },
    )
  }

  test(
    'copy() gives what it unpacks to --chown, and replaces what is in the way',
    async () => {
      await using bench = await openBench({ image: { 'bin/run/old': 'old', keep: 'K' } })
      archive(bench.context, 'a.tar')
      await bench.run({ kind: 'add', sources: ['a.tar'], destination: '/', chown: '3:4' })
      assert.equal(look(bench.image), {
        bin: 'd 700 3:4',
        'bin/run': 'f 4755 3:4 R',
        keep: 'f 644 K',
        link: 'l 3:4 bin/run',
        'top.txt': 'f 644 3:4 T',
      })
    },
    { skip: needsRoot },
  )

  test(
    'copy() unpacks a directory into the one that a link of the image leads to',
    async () => {
      await using bench = await openBench({ image: { 'usr/lib/old': 'old', lib: '-> usr/lib', bin: '-> /usr/bin' } })
      plant(join(bench.root, 'made'), { 'lib/new': 'new', 'bin/run': 'R' })
      execFileSync('tar', [
        '-C',
        join(bench.root, 'made'),
        '--owner=0',
        '--group=0',
        '-cf',
        `${bench.context}/a.tar`,
        '.',
      ])
      await bench.run({ kind: 'add', sources: ['a.tar'], destination: '/' })
      assert.equal(look(bench.image), {
        bin: 'l /usr/bin',
        lib: 'l usr/lib',
        usr: 'd 755',
        'usr/bin': 'd 755',
        'usr/bin/run': 'f 644 R',
        'usr/lib': 'd 755',
        'usr/lib/new': 'f 644 new',
        'usr/lib/old': 'f 644 old',
      })
    },
    { skip: needsRoot },
  )

  test(
    "copy() leaves the directory alone that it unpacks into, whatever the archive's own root is like",
    async () => {
      await using bench = await openBench({ image: { 'old/x': 'X' } })
      mkdirSync(join(bench.root, 'made'), { mode: 0o700 })
      plant(join(bench.root, 'made'), { f: 'F' })
      const owner = ['--owner=3', '--group=4']
      execFileSync('tar', ['-C', join(bench.root, 'made'), ...owner, '-cf', `${bench.context}/a.tar`, '.'])
      for (const destination of ['/old/', '/new/']) await bench.run({ kind: 'add', sources: ['a.tar'], destination })
      for (const name of ['old', 'new']) {
        const { uid, gid, mode } = statSync(join(bench.image, name))
        assert.equal([uid, gid, mode & 0o7777], [0, 0, 0o755], name)
        assert.is(statSync(join(bench.image, name, 'f')).uid, 3)
      }
    },
    { skip: needsRoot },
  )

  test(
    'copy() does not unpack for COPY, with --unpack=false, or what only looks like an archive',
    async () => {
      await using bench = await openBench({ context: { 'no.tar': 'not a tar', 'empty.tar': '' } })
      archive(bench.context, 'a.tar')
      writeFileSync(join(bench.context, 'zeros.tar'), Buffer.alloc(10_240))
      execFileSync('sh', [
        '-c',
        `echo text | gzip > ${bench.context}/text.tar.gz; head -c 20 ${bench.context}/text.tar.gz > ${bench.context}/cut.gz`,
      ])
      await bench.run({ sources: ['a.tar'], destination: '/copied' })
      await bench.run({ kind: 'add', unpack: false, sources: ['a.tar'], destination: '/packed' })
      await bench.run({
        kind: 'add',
        sources: ['no.tar', 'empty.tar', 'zeros.tar', 'text.tar.gz', 'cut.gz'],
        destination: '/d/',
      })
      assert.equal(Object.keys(look(bench.image)), [
        'copied',
        'd',
        'd/cut.gz',
        'd/empty.tar',
        'd/no.tar',
        'd/text.tar.gz',
        'd/zeros.tar',
        'packed',
      ])
      assert.equal(readFileSync(join(bench.image, 'packed')), readFileSync(join(bench.context, 'a.tar')))
    },
    { skip: needsRoot },
  )

  test(
    'copy() refuses a truncated archive',
    async () => {
      await using bench = await openBench()
      archive(bench.context, 'a.tar', '--blocking-factor=1')
      writeFileSync(join(bench.context, 'cut.tar'), readFileSync(join(bench.context, 'a.tar')).subarray(0, 512 + 100))
      await bench.run({ kind: 'add', sources: ['cut.tar'], destination: '/x' }).then(
        () => assert.unreachable(),
        (error: Error & { code: string }) => {
          assert.is(error.code, 'ARCHIVE_INVALID')
          assert.match(error.message, /cut\.tar/)
        },
      )
    },
    { skip: needsRoot },
  )

  test(
    'copy() keeps hostile archives inside the destination',
    async () => {
      await using bench = await openBench()
      const outside = join(bench.root, 'outside')
      mkdirSync(outside)
      const made = join(bench.root, 'made')
      plant(made, { out: `-> ${outside}`, up: '-> ../../../../outside' })
      const tar = join(bench.context, 'evil.tar')
      execFileSync('tar', ['-C', made, '-cf', tar, 'out', 'up'])
      plant(join(bench.root, 'made2'), { 'out/a': 'A', 'up/b': 'B' })
      execFileSync('tar', ['-C', join(bench.root, 'made2'), '-rf', tar, 'out/a', 'up/b'])
      await bench.run({ kind: 'add', sources: ['evil.tar'], destination: '/x/' }).catch(() => {})
      assert.equal(look(outside), {})
      assert.equal(
        Object.keys(look(bench.image)).filter((path) => !path.startsWith('x')),
        [],
      )
    },
    { skip: needsRoot },
  )
})

tests('files: ADD of URLs', (test) => {
  test(
    'copy() puts a download in place with its name, mode and time, and fetches it once',
    async () => {
      let fetched = 0
      await using server = await serve((request, response) => {
        if (request.url === '/moved/file.bin') return response.writeHead(302, { location: '/real' }).end()
        if (request.headers['if-none-match'] === '"v1"') return response.writeHead(304).end()
        fetched++
        return response
          .writeHead(200, { etag: '"v1"', 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' })
          .end('content')
      })
      await using bench = await openBench()
      const url = `${server.url}/moved/file.bin`
      const add = { kind: 'add' as const, sources: [url], destination: '/d/' }
      await bench.run(add)
      await bench.run(add)
      assert.is(fetched, 1)
      assert.equal(look(bench.image), { d: 'd 755', 'd/file.bin': 'f 600 content' })
      assert.is(statSync(join(bench.image, 'd/file.bin')).mtimeMs, Date.parse('Wed, 21 Oct 2015 07:28:00 GMT'))
    },
    { skip: needsRoot },
  )

  test(
    'copy() unpacks a download with --unpack only',
    async () => {
      await using bench = await openBench()
      archive(bench.context, 'a.tgz', '-z')
      const data = readFileSync(join(bench.context, 'a.tgz'))
      await using server = await serve((_request, response) => response.end(data))
      const sources = [`${server.url}/a.tgz`]
      await bench.run({ kind: 'add', sources, destination: '/packed/' })
      await bench.run({ kind: 'add', sources, destination: '/unpacked/', unpack: true })
      assert.equal(Object.keys(look(join(bench.image, 'packed'))), ['a.tgz'])
      assert.equal(look(join(bench.image, 'unpacked')), unpacked)
      assert.is(statSync(join(bench.image, 'packed/a.tgz')).mtimeMs, 0)
    },
    { skip: needsRoot },
  )

  test('digest() asks no server for what a checksum pins, and copy() holds the download against it', async () => {
    let requests = 0
    await using server = await serve((_request, response) => {
      requests++
      response.end('content')
    })
    await using bench = await openBench()
    const add = { kind: 'add' as const, sources: [`${server.url}/f`], destination: '/f' }
    const good = `sha256:${createHash('sha256').update('content').digest('hex')}`
    await bench.files.digest(bench.request({ ...add, checksum: good }))
    assert.is(requests, 0)
    const bad: readonly (readonly [checksum: string, code: string])[] = [
      [`sha256:${'0'.repeat(64)}`, 'CHECKSUM_MISMATCH'],
      ['md5:1234', 'COPY_INVALID'],
    ]
    for (const [checksum, code] of bad) {
      await bench.run({ ...add, checksum }).then(
        () => assert.unreachable(),
        (error: Error & { code: string }) => assert.is(error.code, code),
      )
    }
  })

  test('digest() says why a download failed, without the password', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end()
      else if (request.url === '/short')
        response.writeHead(200, { 'content-length': '100' }).write('few', () => response.destroy())
      else if (request.url === '/ftp') response.writeHead(302, { location: 'ftp://localhost/x' }).end()
      else response.writeHead(404).end('no')
    })
    await using bench = await openBench()
    const reasons = {
      '/missing': /404/,
      '/loop': /redirects/,
      '/short': /aborted|of 100 bytes/,
      '/ftp': /unsupported protocol ftp:/,
    }
    for (const [path, reason] of Object.entries(reasons)) {
      const url = server.url.replace('//', '//user:secret@') + path
      await bench.files.digest(bench.request({ kind: 'add', sources: [url], destination: '/f' })).then(
        () => assert.unreachable(),
        (error: Error & { code: string }) => {
          assert.is(error.code, 'DOWNLOAD_FAILED')
          assert.match(error.message, reason)
          assert.not.match(error.message, /secret/)
        },
      )
    }
    for (const [change, code] of [
      [{ kind: 'copy', sources: [`${server.url}/f`] }, 'COPY_INVALID'],
      [{ kind: 'add', sources: ['https://example.com/repo.git?branch=a&tag=b'] }, 'GIT_URL_INVALID'],
      [{ kind: 'copy', sources: ['https://example.com/repo.git'] }, 'COPY_INVALID'],
    ] as const) {
      await bench.files.digest(bench.request(change)).then(
        () => assert.unreachable(),
        (error: Error & { code: string }) => assert.is(error.code, code),
      )
    }
  })

  test('Downloader names a file as BuildKit does', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/?named')
        response.setHeader('content-disposition', 'attachment; filename="../evil/name.txt"')
      response.end('x')
    })
    await using bench = await openBench()
    const rows = new Map<string, DownloadRow>()
    const table = {
      get: (key: string) => rows.get(key),
      has: (key: string) => rows.has(key),
      entries: () => [],
      put: async (key: string, value: DownloadRow) => void rows.set(key, value),
      batch: async () => {},
      remove: async () => {},
    }
    const downloader = new Downloader({ directory: join(bench.root, 'dl'), table })
    const names = {
      '/a/b.txt': 'b.txt',
      '/a/b.txt?query=/x': 'b.txt',
      '/a%20b': 'a b',
      '/%2fetc': '__unnamed__',
      '/': '__unnamed__',
      '/?named': 'name.txt',
    }
    for (const [path, name] of Object.entries(names))
      assert.is((await downloader.fetch(server.url + path, undefined)).name, name)
  })
})
