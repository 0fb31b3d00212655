import { randomBytes } from 'node:crypto'
import { digestOf } from '@tsbuild/spec'
import type { RegisterTest } from '../tests.js'
import { ask, begin, closing, holds, type OpenRegistry, pushBlob } from './ask.js'
import type { Trait } from './traits.js'

/** Distribution spec, "Push": blobs. */
export function pushConformance(test: RegisterTest, open: OpenRegistry, lacks: readonly Trait[]): void {
  test('registry takes blobs by POST and PUT, and refuses what has another digest', async () => {
    await using registry = await open()
    const repository = 'push/put'
    for (const size of [0, 1, 100_000]) {
      const bytes = randomBytes(size)
      const digest = digestOf(bytes)
      const created = await ask(registry, closing(await begin(registry, repository), digest), {
        method: 'PUT',
        body: bytes,
        headers: { 'content-type': 'application/octet-stream' },
      })
      const headers = { location: new RegExp(`/v2/${repository}/blobs/${digest}$`), 'docker-content-digest': digest }
      holds(created, { status: 201, headers }, `PUT of ${size} bytes`)
      const path = new URL(created.headers.location ?? '', registry.url).pathname
      holds(await ask(registry, path), { status: 200, body: bytes }, `GET of ${size} bytes`)
    }
    const wrong = digestOf('something else')
    const refusals: readonly (readonly [title: string, digest: string, status: readonly number[]])[] = [
      ['another digest', wrong, [400]],
      ['a malformed digest', 'sha256:totallywrong', [400]],
      ['a digest of an unknown algorithm', 'unknown:abc', [400]],
    ]
    for (const [title, digest, status] of refusals) {
      const location = await begin(registry, repository)
      const answer = await ask(registry, closing(location, digest), { method: 'PUT', body: 'bytes' })
      holds(answer, { status, code: 'DIGEST_INVALID' }, title)
    }
    const undigested = await ask(registry, await begin(registry, repository), { method: 'PUT', body: 'bytes' })
    holds(undigested, { status: 400, code: 'DIGEST_INVALID' }, 'PUT without a digest')
    holds(await ask(registry, `/v2/${repository}/blobs/${wrong}`), { status: 404 }, 'what was refused is not there')
  })

  test('registry takes blobs in chunks, tells how far it came, and refuses chunks out of order', async () => {
    await using registry = await open()
    const repository = 'push/chunks'
    const bytes = randomBytes(30_000)
    const digest = digestOf(bytes)
    const patch = async (location: string, from: number, to: number) =>
      ask(registry, location, {
        method: 'PATCH',
        body: bytes.subarray(from, to),
        headers: { 'content-type': 'application/octet-stream', 'content-range': `${from}-${to - 1}` },
      })
    let location = await begin(registry, repository)
    for (const [from, to] of [
      [0, 10_000],
      [10_000, 20_000],
    ] as const) {
      const answer = await patch(location, from, to)
      holds(answer, { status: 202, headers: { location: /./, range: `0-${to - 1}` } }, `PATCH to ${to}`)
      location = answer.headers.location ?? ''
    }
    if (!lacks.includes('chunkOrder')) {
      holds(await patch(location, 25_000, 30_000), { status: 416 }, 'PATCH behind a gap')
      holds(await patch(location, 0, 10_000), { status: 416 }, 'PATCH of what is there')
    }
    const status = await ask(registry, location)
    holds(status, { status: 204, headers: { range: '0-19999', location: /./ } }, 'GET of the status')
    location = status.headers.location ?? ''
    const last = await ask(registry, closing(location, digest), {
      method: 'PUT',
      body: bytes.subarray(20_000),
      headers: { 'content-type': 'application/octet-stream', 'content-range': '20000-29999' },
    })
    holds(last, { status: 201 }, 'PUT of the last chunk')
    holds(await ask(registry, `/v2/${repository}/blobs/${digest}`), { status: 200, body: bytes }, 'GET')
    holds(await ask(registry, location), { status: 404, code: 'BLOB_UPLOAD_UNKNOWN' }, 'the upload is over')
  })

  test('registry takes a blob as one stream of unknown length, and an empty PUT behind it', async () => {
    await using registry = await open()
    const bytes = randomBytes(50_000)
    const digest = digestOf(bytes)
    const streamed = await ask(registry, await begin(registry, 'push/stream'), {
      method: 'PATCH',
      body: bytes,
      headers: { 'content-type': 'application/octet-stream' },
    })
    holds(streamed, { status: 202, headers: { range: '0-49999' } }, 'PATCH')
    const answer = await ask(registry, closing(streamed.headers.location, digest), { method: 'PUT' })
    holds(answer, { status: 201, headers: { 'docker-content-digest': digest } }, 'PUT')
    holds(await ask(registry, `/v2/push/stream/blobs/${digest}`), { status: 200, body: bytes }, 'GET')
  })

  test('registry forgets uploads that are cancelled, and knows none of others', async () => {
    await using registry = await open()
    const location = await begin(registry, 'push/cancel')
    holds(await ask(registry, location, { method: 'DELETE' }), { status: 204 }, 'DELETE')
    for (const method of ['GET', 'DELETE', 'PATCH'])
      holds(await ask(registry, location, { method }), { status: 404, code: 'BLOB_UPLOAD_UNKNOWN' }, `${method} again`)
  })

  const post = lacks.includes('monolithicPost') ? 'it has no uploads by one POST' : undefined
  test(
    'registry takes a blob by one POST',
    async () => {
      await using registry = await open()
      const bytes = randomBytes(5000)
      const digest = digestOf(bytes)
      const path = `/v2/push/post/blobs/uploads/?digest=${digest}`
      const answer = await ask(registry, path, { method: 'POST', body: bytes })
      holds(answer, { status: 201, headers: { location: new RegExp(`/blobs/${digest}$`) } }, 'POST')
      holds(await ask(registry, `/v2/push/post/blobs/${digest}`), { status: 200, body: bytes }, 'GET')
      const wrong = `/v2/push/post/blobs/uploads/?digest=${digestOf('other')}`
      holds(await ask(registry, wrong, { method: 'POST', body: bytes }), { status: 400 }, 'POST of another digest')
    },
    { skip: post },
  )

  test('registry mounts a blob of another repository, or begins an upload where it can not', async () => {
    await using registry = await open()
    const bytes = randomBytes(4000)
    const { digest } = await pushBlob(registry, 'push/from', bytes)
    const mount = (to: string, query: string) =>
      ask(registry, `/v2/push/${to}/blobs/uploads/?${query}`, { method: 'POST' })
    holds(
      await mount('to', `mount=${digest}&from=push/from`),
      { status: 201, headers: { location: /\/v2\/push\/to\/blobs\// } },
      'mount',
    )
    holds(await ask(registry, `/v2/push/to/blobs/${digest}`), { status: 200, body: bytes }, 'GET')
    const elsewhere = await mount('other', `mount=${digest}&from=push/nowhere`)
    holds(elsewhere, { status: 202, headers: { location: /./ } }, 'mount from a repository without it')
    holds(await mount('other', `mount=${digestOf('x')}&from=push/from`), { status: 202 }, 'mount of an unknown blob')
    const anywhere = await mount('anywhere', `mount=${digest}`)
    holds(anywhere, { status: lacks.includes('mountFromAnywhere') ? 202 : 201 }, 'mount from anywhere')
  })
}
