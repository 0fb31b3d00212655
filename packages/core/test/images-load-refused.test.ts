import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { tarOf, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { configOf, dockerArchive, json, layer, layout, second } from './image-archives.js'
import { blobsOf, fails, importFiles, layersOf, openRoot, skip } from './images-support.js'

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const out = Buffer.from(bytes)
  out.write(to, out.indexOf(from), 'latin1')
  return out
}

const refused: Record<string, readonly [archive: () => Buffer, code: string, why: RegExp]> = {
  'a truncated archive': [() => dockerArchive().subarray(0, 2000), 'ARCHIVE_INVALID', /it ends too early/],
  'a truncated gzip': [() => gzipSync(dockerArchive()).subarray(0, 300), 'ARCHIVE_INVALID', /ends too early/],
  'something else': [() => Buffer.from('x'.repeat(2000)), 'ARCHIVE_INVALID', /wrong checksum/],
  'an empty stream': [() => Buffer.alloc(0), 'ARCHIVE_INVALID', /no archive of images/],
  'a root file system': [() => layer, 'ARCHIVE_INVALID', /no archive of images/],
  'a changed layer': [
    () => replaced(dockerArchive(), 'one', 'ONE'),
    'ARCHIVE_INVALID',
    /its content is .* the config says/,
  ],
  'a changed config': [
    () => replaced(dockerArchive(), 'step 0', 'step X'),
    'ARCHIVE_INVALID',
    /not what its name says/,
  ],
  'a missing layer': [
    () => dockerArchive((members) => members.splice(2, 1)),
    'ARCHIVE_INVALID',
    /"2\/layer.tar": it is missing/,
  ],
  'a missing config': [() => dockerArchive((members) => members.splice(3, 1)), 'ARCHIVE_INVALID', /it is missing/],
  'too few layers': [
    () => dockerArchive((_, entry) => Object.assign(entry, { Layers: ['1/layer.tar'] })),
    'ARCHIVE_INVALID',
    /it has 2 layers, the archive has 1/,
  ],
  'a list that is none': [
    () => dockerArchive((_, entry) => Object.assign(entry, { Layers: 'x' })),
    'ARCHIVE_INVALID',
    /no list of images/,
  ],
  'a wrong name': [
    () => dockerArchive((_, entry) => Object.assign(entry, { RepoTags: ['App:1'] })),
    'ARCHIVE_INVALID',
    /must be lowercase/,
  ],
  'a name that leads out': [
    () => dockerArchive((members) => members.push({ name: '../../evil', data: 'x' })),
    'ARCHIVE_INVALID',
    /"..\/..\/evil": it leads outside/,
  ],
  'an absolute name': [
    () => dockerArchive((members) => members.push({ name: '/etc/passwd', data: 'x' })),
    'ARCHIVE_INVALID',
    /it leads outside/,
  ],
  'a link that leads out': [
    () =>
      dockerArchive((members) => members.splice(2, 1, { name: '2/layer.tar', type: '2', link: '../../etc/passwd' })),
    'ARCHIVE_INVALID',
    /a link that leads outside/,
  ],
  'links in a circle': [
    () => dockerArchive((members) => members.splice(2, 1, { name: '2/layer.tar', type: '2', link: 'layer.tar' })),
    'ARCHIVE_INVALID',
    /leads nowhere/,
  ],
  'one name with two contents': [
    () => dockerArchive((members) => members.push({ name: './1/layer.tar', data: second })),
    'ARCHIVE_INVALID',
    /it is there twice/,
  ],
  'two lists': [
    () => dockerArchive((members) => members.push({ name: 'manifest.json', data: '[]' })),
    'ARCHIVE_INVALID',
    /it is there twice/,
  ],
  'a layer that is no tar': [
    () => {
      const junk = Buffer.from('j'.repeat(1000))
      const config = configOf(junk)
      return tarOf(
        { name: 'l', data: junk },
        { name: 'c.json', data: config },
        { name: 'manifest.json', data: json([{ Config: 'c.json', Layers: ['l'] }]) },
      )
    },
    'LAYER_INVALID',
    /./,
  ],
  'a layer that climbs out': [
    () => {
      const evil = tarOf({ name: '../../../../tmp/evil', data: 'x' })
      return tarOf(
        { name: 'l', data: evil },
        { name: 'c.json', data: configOf(evil) },
        { name: 'manifest.json', data: json([{ Config: 'c.json', Layers: ['l'] }]) },
      )
    },
    'LAYER_INVALID',
    /./,
  ],
  'a blob that is not its name': [
    () => layout(({ blobs }) => void blobs.set([...blobs.keys()][1] ?? '', 'other')),
    'ARCHIVE_INVALID',
    /its content is not what its name says/,
  ],
  'a layout without a blob': [
    () => layout(({ blobs }) => void blobs.delete([...blobs.keys()][1] ?? '')),
    'ARCHIVE_INVALID',
    /it is missing in the archive/,
  ],
  'a wrong size': [
    () => layout(({ index }) => Object.assign(index.manifests[0] ?? {}, { size: 7 })),
    'ARCHIVE_INVALID',
    /its descriptor says 7/,
  ],
  'a layout without images': [
    () => layout(({ index }) => index.manifests.splice(0)),
    'ARCHIVE_INVALID',
    /it has no images/,
  ],
}

tests('images.load() of what is damaged', (test) => {
  test(
    'load() refuses what is damaged or hostile, and the store stays as it was',
    async () => {
      await using open = await openRoot()
      await importFiles(open.engine, 'app:1', { kept: 'yes' })
      const state = async () =>
        json([await blobsOf(open.root), await layersOf(open.root), open.engine.images.list({ all: true })])
      const before = await state()
      for (const [what, [archive, code, why]] of Object.entries(refused)) {
        await fails(open.engine.images.load(Readable.from([archive()])), code, why).catch((error: Error) => {
          throw new Error(`${what}: ${error.message}`, { cause: error })
        })
        assert.is(await state(), before, what)
      }
      assert.equal(await readdir(join(open.root, 'ingest')), [])
    },
    { skip, timeoutMs: 60_000 },
  )
})
