import { lstat, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  baseImage,
  baseImageProblem,
  baseRegistryProblem,
  command,
  makeBusyboxRootfs,
  startBaseRegistry,
  tempDir,
  tests,
} from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { mirrorInLines, mirrorInStanzas } from '../dist/base-images/debian.js'

const lines: readonly (readonly [text: string, mirror: string | undefined])[] = [
  ['deb http://deb.debian.org/debian bookworm main', 'http://deb.debian.org/debian'],
  ['deb [signed-by=/k.gpg arch=amd64] https://m.example/debian bookworm main contrib', 'https://m.example/debian'],
  ['deb-src http://m.example/debian bookworm main', undefined],
  ['# deb http://m.example/debian bookworm main', undefined],
  ['deb http://m.example/debian trixie main', undefined],
  ['deb http://m.example/debian bookworm contrib', undefined],
  ['deb cdrom:[disc]/ bookworm main\ndeb http://m.example/d bookworm main', 'http://m.example/d'],
]

const stanzas: readonly (readonly [text: string, mirror: string | undefined])[] = [
  [
    'Types: deb\nURIs: http://m.example/debian\nSuites: bookworm bookworm-updates\nComponents: main',
    'http://m.example/debian',
  ],
  ['Types: deb-src\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main', undefined],
  ['Types: deb\nURIs: http://m.example/security\nSuites: bookworm-security\nComponents: main', undefined],
  ['Enabled: no\nTypes: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main', undefined],
  [
    'Types: deb\nURIs: http://a.example\nSuites: x\n\nTypes: deb\nURIs: http://b.example\nSuites: bookworm\nComponents: main',
    'http://b.example',
  ],
]

tests('base images', (test) => {
  for (const [text, mirror] of lines) {
    test(`mirrorInLines() finds ${mirror} in "${text}"`, () => assert.is(mirrorInLines(text), mirror))
  }
  for (const [text, mirror] of stanzas) {
    test(`mirrorInStanzas() finds ${mirror} in "${text.replaceAll('\n', '|')}"`, () =>
      assert.is(mirrorInStanzas(text), mirror))
  }

  test(
    'makeBusyboxRootfs() makes a root file system with applets, users and a sticky /tmp',
    async () => {
      await using dir = await tempDir()
      await makeBusyboxRootfs(dir.path)
      assert.is((await stat(join(dir.path, 'tmp'))).mode & 0o7777, 0o1777)
      assert.ok((await lstat(join(dir.path, 'bin/sh'))).isSymbolicLink())
      assert.ok((await stat(join(dir.path, 'usr/bin/env'))).isFile())
      assert.match(await readFile(join(dir.path, 'etc/passwd'), 'utf8'), /^root:x:0:0:/)
      assert.is(await command(join(dir.path, 'bin/busybox'), ['echo', 'hello']), 'hello\n')
    },
    { skip: baseImageProblem('busybox') },
  )

  test(
    'baseImage() makes an image once, the same each time',
    async () => {
      const [first, second] = await Promise.all([baseImage('busybox'), baseImage('busybox')])
      assert.equal(first, second)
      const { mtimeMs } = await stat(first.tar)
      assert.is((await stat((await baseImage('busybox')).tar)).mtimeMs, mtimeMs)
      assert.match(await command('tar', ['-tf', first.tar]), /^\.\/bin\/sh$/m)
    },
    { skip: baseImageProblem('busybox') },
  )

  test(
    'startBaseRegistry() serves images that skopeo reads, and is gone afterwards',
    async () => {
      let host: string
      {
        await using registry = await startBaseRegistry()
        host = registry.host
        const json = await command('skopeo', ['inspect', '--tls-verify=false', `docker://${registry.images.busybox}`])
        assert.is((JSON.parse(json) as { Os: string }).Os, 'linux')
      }
      await fetch(`http://${host}/v2/`).then(
        () => assert.unreachable(),
        (error: Error) => assert.is(error.message, 'fetch failed'),
      )
    },
    { skip: baseRegistryProblem() },
  )
})
