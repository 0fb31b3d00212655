import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openEngine } from '@tsbuild/core'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type NamedContextServices, openNamedContexts } from '../dist/build/named-contexts.js'

/** For contexts that need neither store nor network. */
const services = {} as NamedContextServices

tests('named contexts', (test) => {
  test('openNamedContexts() finds a context however an image of its name is spelled', async () => {
    await using dir = await tempDir()
    const lib = join(dir.path, 'lib')
    await mkdir(lib)
    await writeFile(join(lib, '.dockerignore'), 'skip\n')
    const buildContexts = {
      busybox: 'docker-image://localhost:5000/other',
      Lib: lib,
      'alpine:3.20': lib,
      stage: 'target:build',
    }
    await using contexts = await openNamedContexts(services, { buildContexts })
    const image = { kind: 'image', reference: 'localhost:5000/other' }
    for (const name of ['busybox', 'busybox:latest', 'docker.io/library/busybox']) {
      assert.equal(await contexts.find(name), image)
    }
    assert.equal(await contexts.find('lib'), { kind: 'directory', name: 'Lib', directory: lib, ignore: ['skip'] })
    assert.equal(await contexts.find('stage'), { kind: 'stage', target: 'build' })
    assert.is((await contexts.find('alpine:3.20'))?.kind, 'directory')
    for (const name of ['alpine', 'busybox:1', 'other', '']) assert.is(await contexts.find(name), undefined)
  })

  test('openNamedContexts() refuses what it can not open, before anything runs', async () => {
    await using dir = await tempDir()
    const vectors: [string, string][] = [
      ['oci-layout:///no/such/layout', 'CONTEXT_NOT_FOUND'],
      [`oci-layout://${dir.path}`, 'IMAGE_INVALID'],
      [`oci-layout://${dir.path}@sha256:12`, 'OPTION_INVALID'],
      ['oci-layout://', 'OPTION_INVALID'],
      ['target:', 'OPTION_INVALID'],
      ['docker-image://UPPER', 'REFERENCE_INVALID'],
      ['ftp://example.com/x.tar', 'UNSUPPORTED'],
      ['/no/such/directory', 'CONTEXT_NOT_FOUND'],
    ]
    for (const [value, code] of vectors) {
      const error = await openNamedContexts(services, { buildContexts: { a: value } }).catch(
        (thrown: unknown) => thrown,
      )
      assert.ok(hasCode(error, code), `${value}: ${error}`)
    }
  })

  test('build() takes images of a layout, by tag, by digest and where it is the only one', async () => {
    await using dir = await tempDir()
    const dest = join(dir.path, 'layout')
    {
      await using engine = await openEngine({ root: join(dir.path, 'a') })
      await engine.build({
        context: dir.path,
        dockerfileText: 'FROM scratch\nCOPY <<E /file\nfrom the layout\nE\nENV FROM_LAYOUT=1',
        tags: ['made:v1'],
        outputs: [{ type: 'oci', dest, tar: false }],
      })
    }
    const index = JSON.parse(await readFile(join(dest, 'index.json'), 'utf8')) as { manifests: { digest: string }[] }
    const digest = index.manifests[0]?.digest
    await using engine = await openEngine({ root: join(dir.path, 'b') })
    for (const address of [dest, `${dest}:v1`, `${dest}@${digest}`, `${dest}:v1@${digest}`]) {
      const out = join(dir.path, 'out')
      const result = await engine.build({
        context: dir.path,
        dockerfileText: 'FROM base\nCOPY --from=base /file /copy',
        buildContexts: { base: `oci-layout://${address}` },
        tags: ['used'],
        outputs: [{ type: 'image' }, { type: 'local', dest: out }],
      })
      assert.ok(result.config?.config?.Env?.includes('FROM_LAYOUT=1'), address)
      assert.is(await readFile(join(out, 'copy'), 'utf8'), 'from the layout\n')
    }
    const missing = await engine
      .build({
        context: dir.path,
        dockerfileText: 'FROM base',
        buildContexts: { base: `oci-layout://${dest}:v2` },
      })
      .catch((thrown: unknown) => thrown)
    assert.ok(hasCode(missing, 'CONTEXT_NOT_FOUND'), String(missing))
    const layer = join(dest, 'blobs', 'sha256', String(digest).slice(7))
    await writeFile(layer, `${await readFile(layer, 'utf8')} `)
    const tampered = await engine
      .build({ context: dir.path, dockerfileText: 'FROM base', buildContexts: { base: `oci-layout://${dest}` } })
      .catch((thrown: unknown) => thrown)
    assert.match(String(tampered), /has other content than its name says/)
  })

  test('build() takes a stage for a name, and refuses one that would need itself', async () => {
    await using dir = await tempDir()
    await using engine = await openEngine({ root: join(dir.path, 'root') })
    const text = [
      'FROM scratch AS made',
      'COPY <<E /file',
      'from the stage',
      'E',
      'FROM scratch',
      'COPY --from=elsewhere /file /copy',
    ].join('\n')
    const out = join(dir.path, 'out')
    await engine.build({
      context: dir.path,
      dockerfileText: text,
      buildContexts: { elsewhere: 'target:made' },
      outputs: [{ type: 'local', dest: out }],
    })
    assert.is(await readFile(join(out, 'copy'), 'utf8'), 'from the stage\n')
    const circular = await engine
      .build({ context: dir.path, dockerfileText: text, target: 'made', buildContexts: { made: 'target:made' } })
      .catch((thrown: unknown) => thrown)
    assert.match(String(circular), /circular dependency/)
  })
})
