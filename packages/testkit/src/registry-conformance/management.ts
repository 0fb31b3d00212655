import { digestOf } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import type { RegisterTest } from '../tests.js'
import { ask, holds, jsonOf, type OpenRegistry, pushImage, putManifest } from './ask.js'
import type { Trait } from './traits.js'

/** Distribution spec, "Content Management", and what names may be. */
export function managementConformance(test: RegisterTest, open: OpenRegistry, lacks: readonly Trait[]): void {
  test('registry deletes manifests with their tags, and blobs', async () => {
    await using registry = await open()
    const { digest, layer, config } = await pushImage(registry, 'manage/all', 'one')
    const remove = (path: string) => ask(registry, `/v2/manage/all/${path}`, { method: 'DELETE' })
    const gone = async (path: string) => holds(await ask(registry, `/v2/manage/all/${path}`), { status: 404 }, path)
    holds(await remove(`manifests/${digestOf('x')}`), { status: 404 }, 'DELETE of an unknown manifest')
    holds(await remove(`manifests/${digest}`), { status: 202 }, 'DELETE of a manifest')
    await gone(`manifests/${digest}`)
    await gone('manifests/one')
    for (const blob of [layer, config]) {
      holds(await remove(`blobs/${blob.digest}`), { status: 202 }, 'DELETE of a blob')
      await gone(`blobs/${blob.digest}`)
      holds(await remove(`blobs/${blob.digest}`), { status: 404 }, 'DELETE of a blob again')
    }
    const again = await pushImage(registry, 'manage/all', 'two')
    const headers = { accept: again.mediaType }
    holds(await ask(registry, `/v2/manage/all/manifests/${again.digest}`, { headers }), { status: 200 }, 'pushed again')
  })

  test(
    'registry deletes a tag and leaves its manifest',
    async () => {
      await using registry = await open()
      const { digest, bytes, mediaType } = await pushImage(registry, 'manage/tags', 'one')
      holds(await putManifest(registry, 'manage/tags', 'two', bytes, mediaType), { status: 201 }, 'PUT two')
      const remove = () => ask(registry, '/v2/manage/tags/manifests/one', { method: 'DELETE' })
      holds(await remove(), { status: 202 }, 'DELETE')
      holds(await remove(), { status: 404 }, 'DELETE again')
      holds(await ask(registry, '/v2/manage/tags/manifests/one'), { status: 404 }, 'GET one')
      for (const reference of ['two', digest])
        holds(await ask(registry, `/v2/manage/tags/manifests/${reference}`), { status: 200 }, `GET ${reference}`)
      assert.equal(jsonOf(await ask(registry, '/v2/manage/tags/tags/list')), { name: 'manage/tags', tags: ['two'] })
    },
    { skip: lacks.includes('deleteTags') ? 'it deletes manifests only' : undefined },
  )

  test('registry refuses malformed names, unknown paths and methods', async () => {
    await using registry = await open()
    const long = lacks.includes('nameLength') ? [] : [`${'a/'.repeat(200)}b`]
    const bad = ['Upper/case', 'under__score_/x', '-dash', 'dot..dot', 'a//b', 'a/', ...long]
    for (const name of bad) {
      const answer = await ask(registry, `/v2/${name}/tags/list`)
      holds(answer, { status: [400, 404, 301] }, `name ${name}`)
    }
    for (const name of ['a', 'a-b/c__d/e.f', '0/1', 'blobs/uploads/tags', 'v2/v2'])
      await pushImage(registry, name, 'latest')
    holds(await ask(registry, '/v2/a/nothing/b'), { status: 404 }, 'an unknown path')
    holds(await ask(registry, '/v2/a/tags/list', { method: 'POST' }), { status: 405 }, 'a method that is not possible')
  })
}
