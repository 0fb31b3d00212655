import { randomBytes } from 'node:crypto'
import { digestOf, mediaTypes } from '@tsbuild/spec'
import type { RegisterTest } from '../tests.js'
import { type Ask, ask, type Expected, holds, type OpenRegistry, pushBlob, pushImage } from './ask.js'
import type { Trait } from './traits.js'

const nowhere = digestOf('nobody has this')

/** Distribution spec, "Pull". */
export function pullConformance(test: RegisterTest, open: OpenRegistry, lacks: readonly Trait[]): void {
  test('registry answers pulls of blobs, whole and in ranges', async () => {
    await using registry = await open()
    const bytes = randomBytes(70_000)
    const { digest } = await pushBlob(registry, 'pull/blobs', bytes)
    const whole = { 'content-length': '70000', 'docker-content-digest': digest }
    const ranged = (range: string): Ask => ({ headers: { range } })
    const part = (from: number, to: number): Expected => ({
      status: 206,
      headers: { 'content-range': `bytes ${from}-${to}/70000`, 'content-length': String(to - from + 1) },
      body: bytes.subarray(from, to + 1),
    })
    const table: readonly (readonly [title: string, path: string, ask: Ask, expected: Expected])[] = [
      ['GET', digest, {}, { status: 200, headers: whole, body: bytes }],
      ['HEAD', digest, { method: 'HEAD' }, { status: 200, headers: whole, body: Buffer.alloc(0) }],
      ['GET of a range', digest, ranged('bytes=10-19'), part(10, 19)],
      ['GET of an open range', digest, ranged('bytes=69000-'), part(69_000, 69_999)],
      ['GET of a range over the end', digest, ranged('bytes=69999-99999'), part(69_999, 69_999)],
      ['GET of the last bytes', digest, ranged('bytes=-100'), part(69_900, 69_999)],
      ['GET of the first byte', digest, ranged('bytes=0-0'), part(0, 0)],
      ['GET of an unknown blob', nowhere, {}, { status: 404, code: 'BLOB_UNKNOWN' }],
      ['HEAD of an unknown blob', nowhere, { method: 'HEAD' }, { status: 404 }],
      ['GET of no digest', 'sha256:totallywrong', {}, { status: [400, 404] }],
      ['GET of what is here unchanged', digest, { headers: { 'if-none-match': `"${digest}"` } }, { status: 304 }],
    ]
    for (const [title, id, asked, expected] of table)
      holds(await ask(registry, `/v2/pull/blobs/blobs/${id}`, asked), expected, title)
    if (!lacks.includes('rangeEnd')) {
      const behind = await ask(registry, `/v2/pull/blobs/blobs/${digest}`, ranged('bytes=70000-'))
      holds(behind, { status: 416, headers: { 'content-range': 'bytes */70000' } }, 'GET behind the end')
    }
    holds(await ask(registry, `/v2/pull/other/blobs/${digest}`), { status: 404 }, 'GET from another repository')
    holds(await ask(registry, '/v2/'), { status: 200 }, 'GET /v2/')
  })

  test('registry answers pulls of manifests by tag and digest, byte by byte and with their type', async () => {
    await using registry = await open()
    for (const type of [mediaTypes.ociManifest, mediaTypes.dockerManifest]) {
      const { bytes, digest } = await pushImage(registry, 'pull/manifests', 'latest', type)
      const headers = { 'content-type': type, 'docker-content-digest': digest, 'content-length': String(bytes.length) }
      for (const reference of ['latest', digest]) {
        const path = `/v2/pull/manifests/manifests/${reference}`
        const accept = { accept: type }
        holds(await ask(registry, path, { headers: accept }), { status: 200, headers, body: bytes }, `GET ${reference}`)
        const head = await ask(registry, path, { method: 'HEAD', headers: accept })
        holds(head, { status: 200, headers, body: Buffer.alloc(0) }, `HEAD ${reference}`)
      }
    }
    for (const reference of ['.INVALID_MANIFEST_NAME', 'unknown', nowhere]) {
      const path = `/v2/pull/manifests/manifests/${reference}`
      holds(await ask(registry, path), { status: 404 }, `GET ${reference}`)
      holds(await ask(registry, path, { method: 'HEAD' }), { status: 404 }, `HEAD ${reference}`)
    }
    const unknown = await ask(registry, '/v2/pull/nowhere/manifests/latest')
    holds(unknown, { status: 404, code: 'MANIFEST_UNKNOWN' }, 'GET from an unknown repository')
  })
}
