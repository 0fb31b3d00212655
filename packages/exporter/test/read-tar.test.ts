import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readTar } from '@tsbuild/exporter'
import { tempDir, tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import { pack } from 'tar-stream'
import * as assert from 'uvu/assert'
import { chunked, collect, fails } from './support.js'

interface Read {
  readonly name: string
  readonly kind: string
  readonly linkName: string
  readonly content: string
}

async function read(bytes: Uint8Array, chunkBytes = 777): Promise<Read[]> {
  const out: Read[] = []
  for await (const { name, kind, linkName, data } of readTar(chunked(bytes, chunkBytes)))
    out.push({ name, kind, linkName, content: (await collect(data)).toString('utf8') })
  return out
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content)
  archive.finalize()
  return collect(archive as AsyncIterable<Buffer>)
}

tests('readTar()', (test) => {
  for (const format of ['gnu', 'pax', 'ustar', 'v7']) {
    test(`readTar() reads what GNU tar writes as ${format}`, async () => {
      await using dir = await tempDir()
      const short = format === 'v7' || format === 'ustar'
      const long = short ? 'folder/name' : `${'long/'.repeat(40)}${'name'.repeat(30)}-ü`
      await mkdir(join(dir.path, 'in', long, '..'), { recursive: true })
      await writeFile(join(dir.path, 'in', long), 'content of the long one')
      await writeFile(join(dir.path, 'in', 'plain'), 'x'.repeat(1500))
      await symlink(short ? 'plain' : `${'../'.repeat(60)}plain`, join(dir.path, 'in', 'link'))
      const tar = join(dir.path, 'x.tar')
      execFileSync('tar', [`--format=${format}`, '--sort=name', '-cf', tar, '-C', join(dir.path, 'in'), '.'])
      const found = await read(await collect(createReadStream(tar) as AsyncIterable<Buffer>))
      const byName = new Map(found.map((member) => [member.name, member]))
      assert.is(byName.get(`./${long}`)?.content, 'content of the long one')
      assert.is(byName.get('./plain')?.content, 'x'.repeat(1500))
      assert.is(byName.get('./link')?.kind, 'symlink')
      assert.is(byName.get('./link')?.linkName, short ? 'plain' : `${'../'.repeat(60)}plain`)
      assert.is(byName.get('./')?.kind, 'directory')
    })
  }

  test('readTar() passes over data that nobody reads, whatever the chunks are', async () => {
    const files = { a: 'a'.repeat(513), b: '', c: 'c'.repeat(1024) }
    const bytes = await tarOf(files)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2000 }), fc.nat(600), async (chunkBytes, taken) => {
        const names: string[] = []
        for await (const { name, size, data } of readTar(chunked(bytes, chunkBytes))) {
          names.push(name)
          let read = 0
          for await (const piece of data) {
            read += piece.length
            if (read >= taken) break
          }
          assert.ok(read <= size)
        }
        assert.equal(names, Object.keys(files))
      }),
      { numRuns: 50 },
    )
  })

  test('readTar() takes sizes in base 256', async () => {
    const bytes = await tarOf({ a: 'hello' })
    bytes.fill(0, 124, 136)
    bytes[124] = 0x80
    bytes[135] = 5
    const sum = bytes.subarray(0, 512).reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0)
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    assert.equal(
      (await read(bytes)).map(({ content }) => content),
      ['hello'],
    )
  })

  test('readTar() says where an archive is cut off or damaged', async () => {
    const bytes = await tarOf({ a: 'a'.repeat(600), b: 'b' })
    for (const length of [100, 511, 513, 900, 1100, 1600, 2049]) {
      await fails(read(bytes.subarray(0, length)), 'STREAM_TRUNCATED')
    }
    const damaged = Buffer.from(bytes)
    damaged[3] = 0x7a
    await fails(read(damaged), 'STREAM_INVALID')
    await fails(read(Buffer.from('no tar at all'.repeat(100))), 'STREAM_INVALID')
  })

  test('readTar() refuses a header that would fill the memory', async () => {
    const archive = pack()
    archive.entry({ name: 'x', pax: { comment: 'y'.repeat(2 << 20) } }, 'x')
    archive.finalize()
    const bytes = await collect(archive as AsyncIterable<Buffer>)
    await fails(read(bytes, 65_536), 'STREAM_INVALID')
  })
})
