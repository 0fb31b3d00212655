import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { openNamedContexts } from '../dist/build/named-contexts.js'

tests('named contexts', (test) => {
  test('openNamedContexts() finds a context however an image of its name is spelled', async () => {
    await using dir = await tempDir()
    const lib = join(dir.path, 'lib')
    await mkdir(lib)
    await writeFile(join(lib, '.dockerignore'), 'skip\n')
    const find = await openNamedContexts({
      busybox: 'docker-image://localhost:5000/other',
      Lib: lib,
      'alpine:3.20': lib,
    })
    const image = { kind: 'image', reference: 'localhost:5000/other' }
    for (const name of ['busybox', 'busybox:latest', 'docker.io/library/busybox']) assert.equal(find(name), image)
    assert.equal(find('lib'), { kind: 'directory', name: 'Lib', directory: lib, ignore: ['skip'] })
    assert.is(find('alpine:3.20')?.kind, 'directory')
    for (const name of ['alpine', 'busybox:1', 'other', '']) assert.is(find(name), undefined)
  })

  test('openNamedContexts() refuses what it can not open', async () => {
    const vectors: [string, string][] = [
      ['oci-layout://x', 'UNSUPPORTED'],
      ['https://example.com/x.git', 'UNSUPPORTED'],
      ['target:x', 'UNSUPPORTED'],
      ['/no/such/directory', 'CONTEXT_NOT_FOUND'],
    ]
    for (const [value, code] of vectors) {
      const error = await openNamedContexts({ a: value }).catch((thrown: unknown) => thrown)
      assert.ok(hasCode(error, code), value)
    }
  })
})
