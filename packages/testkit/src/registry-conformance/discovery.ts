import { digestOf, mediaTypes } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import type { RegisterTest } from '../tests.js'
import {
  type Answer,
  ask,
  holds,
  imageIn,
  jsonOf,
  type OpenRegistry,
  pushImage,
  putManifest,
  type RegistryUnderTest,
} from './ask.js'
import type { Trait } from './traits.js'

/** Distribution spec, "Content Discovery", and Docker's catalog. */
export function discoveryConformance(test: RegisterTest, open: OpenRegistry, lacks: readonly Trait[]): void {
  test('registry lists tags in order, page by page', async () => {
    await using registry = await open()
    const image = await imageIn(registry, 'lists/tags')
    const tags = ['1', '1.10', '1.2', 'a', 'b', 'latest', 'z']
    for (const tag of [...tags].reverse()) {
      const answer = await putManifest(registry, 'lists/tags', tag, image.bytes, image.mediaType)
      holds(answer, { status: 201 }, `PUT ${tag}`)
    }
    const tagsOf = (answer: Answer) => jsonOf<{ name: string; tags: string[] | null }>(answer).tags ?? []
    const list = async (query: string) => {
      const answer = await ask(registry, `/v2/lists/tags/tags/list${query}`)
      holds(answer, { status: 200, headers: { 'content-type': /^application\/json/ } }, `GET ${query}`)
      return answer
    }
    if (lacks.includes('tagPages')) assert.equal(tagsOf(await list('')).sort(), tags)
    else {
      assert.equal(jsonOf(await list('')), { name: 'lists/tags', tags })
      assert.equal(tagsOf(await list('?n=100')), tags)
      assert.equal(tagsOf(await list('?n=3')), tags.slice(0, 3))
      assert.equal(tagsOf(await list('?n=0')), [])
      assert.equal(tagsOf(await list('?last=a')), tags.slice(4))
      assert.equal(tagsOf(await list('?n=2&last=1.3')), ['a', 'b'])
      const three = [tags.slice(0, 3), tags.slice(3, 6), ['z']]
      assert.equal(await pages(registry, '/v2/lists/tags/tags/list?n=3', tagsOf), three)
      holds(await ask(registry, '/v2/lists/tags/tags/list?n=many'), { status: 400 }, 'n that is no number')
    }
    const nowhere = await ask(registry, '/v2/lists/nowhere/tags/list')
    holds(nowhere, { status: 404, code: 'NAME_UNKNOWN' }, 'GET of an unknown repository')
  })

  test('registry lists its repositories, page by page', async () => {
    await using registry = await open()
    const names = ['alone', 'team/a', 'team/a/deep', 'team/b', 'zoo']
    for (const name of names) await pushImage(registry, name, 'latest')
    const namesOf = (answer: Answer) => jsonOf<{ repositories: string[] }>(answer).repositories
    const whole = await ask(registry, '/v2/_catalog')
    holds(whole, { status: 200 }, 'GET')
    assert.equal(namesOf(whole), names)
    assert.equal(await pages(registry, '/v2/_catalog?n=2', namesOf), [names.slice(0, 2), names.slice(2, 4), ['zoo']])
  })

  test(
    'registry lists referrers, all or those of one type',
    async () => {
      await using registry = await open()
      const repository = 'lists/referrers'
      const subject = await pushImage(registry, repository, 'subject')
      const target = { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length }
      const sbom = await imageIn(registry, repository, undefined, {
        artifactType: 'application/vnd.example.sbom',
        subject: target,
        annotations: { made: 'today' },
      })
      const signature = await imageIn(registry, repository, undefined, { subject: target })
      for (const one of [sbom, signature]) {
        const answer = await putManifest(registry, repository, one.digest, one.bytes, one.mediaType)
        holds(answer, { status: 201, headers: { 'oci-subject': subject.digest } }, 'PUT')
      }
      const list = async (query = '', digest: string = subject.digest) => {
        const answer = await ask(registry, `/v2/${repository}/referrers/${digest}${query}`)
        holds(answer, { status: 200, headers: { 'content-type': mediaTypes.ociIndex } }, `GET ${query}`)
        return { ...jsonOf<{ manifests: object[] }>(answer), headers: answer.headers }
      }
      const all = await list()
      const base = { mediaType: mediaTypes.ociManifest }
      const first = {
        ...base,
        artifactType: 'application/vnd.example.sbom',
        annotations: { made: 'today' },
        digest: sbom.digest,
        size: sbom.bytes.length,
      }
      const second = {
        ...base,
        artifactType: mediaTypes.ociConfig,
        digest: signature.digest,
        size: signature.bytes.length,
      }
      const byDigest = (list: readonly object[]) =>
        [...list].sort((a, b) => ((a as typeof first).digest < (b as typeof first).digest ? -1 : 1))
      assert.equal(all.manifests, byDigest([first, second]))
      const some = await list('?artifactType=application/vnd.example.sbom')
      assert.equal(some.manifests, [first])
      assert.is(some.headers['oci-filters-applied'], 'artifactType')
      assert.equal((await list('?artifactType=no/thing')).manifests, [])
      assert.equal((await list('', digestOf('nobody'))).manifests, [])
      const early = await imageIn(registry, repository, undefined, {
        subject: { ...target, digest: digestOf('later') },
      })
      await putManifest(registry, repository, 'early', early.bytes, early.mediaType)
      assert.is((await list('', digestOf('later'))).manifests.length, 1)
      await ask(registry, `/v2/${repository}/manifests/${sbom.digest}`, { method: 'DELETE' })
      assert.equal((await list()).manifests, [second])
      holds(await ask(registry, `/v2/${repository}/referrers/x`), { status: 400 }, 'GET of no digest')
    },
    { skip: lacks.includes('referrers') ? 'it lists no referrers' : undefined },
  )
}

/** What each page has, along the `Link` headers. */
async function pages(
  registry: RegistryUnderTest,
  path: string,
  itemsOf: (answer: Answer) => string[],
): Promise<string[][]> {
  const out: string[][] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer: Answer = await ask(registry, next)
    holds(answer, { status: 200 }, `GET ${next}`)
    out.push(itemsOf(answer))
    next = /^<([^>]+)>; *rel="?next"?$/.exec(String(answer.headers.link ?? ''))?.[1]
  }
  return out
}
