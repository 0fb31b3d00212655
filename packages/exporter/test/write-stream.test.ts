import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { PassThrough, Writable } from 'node:stream'
import { writeStream } from '@tsbuild/exporter'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { chunked, fails, text } from './support.js'

tests('writeStream()', (test) => {
  test('writeStream() writes a file that appears when it is whole', async () => {
    await using folder = await tempDir()
    const path = `${folder.path}/out`
    await writeFile(path, 'before')
    const breaking = async function* () {
      yield Buffer.from('half')
      assert.is(await readFile(path, 'utf8'), 'before')
      throw new Error('broken')
    }
    assert.match(String(await writeStream(breaking(), path).catch(String)), /broken/)
    assert.is(await readFile(path, 'utf8'), 'before')
    assert.equal(await readdir(folder.path), ['out'])
    await symlink('out', `${folder.path}/link`)
    await writeStream(chunked(Buffer.from('after')), `${folder.path}/link`)
    assert.is(await readFile(path, 'utf8'), 'after')
    assert.equal((await readdir(folder.path)).sort(), ['link', 'out'])
  })

  test('writeStream() writes to devices as they are', async () => {
    await writeStream(chunked(text(1000)), '/dev/null')
    assert.ok((await stat('/dev/null')).isCharacterDevice())
  })

  test('writeStream() says why a file cannot be written', async () => {
    await using folder = await tempDir()
    await fails(
      writeStream(chunked(text(10)), `${folder.path}/no/out`),
      'OUTPUT_FAILED',
      /Cannot write ".*\/no\/out": its directory does not exist$/,
    )
    await fails(writeStream(chunked(text(10)), folder.path), 'OUTPUT_FAILED', /it is a directory$/)
    await fails(writeStream(chunked(text(10)), '/dev/full'), 'OUTPUT_FAILED', /no space left/)
  })

  test('writeStream() goes at the pace of a stream, and leaves it open', async () => {
    const slow: Buffer[] = []
    let waiting = 0
    const sink = new Writable({
      highWaterMark: 1000,
      write(chunk: Buffer, _, done) {
        slow.push(chunk)
        waiting = Math.max(waiting, sink.writableLength)
        setTimeout(done, 1)
      },
    })
    await writeStream(chunked(text(100_000), 2000), sink)
    await new Promise((resolve) => sink.end(resolve))
    assert.ok(Buffer.concat(slow).equals(text(100_000)))
    assert.ok(waiting <= 4000, String(waiting))
  })

  test('writeStream() fails when the stream breaks or is closed, and when it is aborted', async () => {
    const broken = new Writable({ write: (_, __, done) => done(new Error('EPIPE')) })
    await fails(writeStream(chunked(text(100_000), 100), broken), 'OUTPUT_FAILED', /EPIPE/)
    const stuck = new PassThrough({ highWaterMark: 10 })
    setTimeout(() => stuck.destroy(), 20)
    await fails(writeStream(chunked(text(1000)), stuck), 'OUTPUT_FAILED', /closed/)
    const reason = new Error('enough')
    const stop = new AbortController()
    setTimeout(() => stop.abort(reason), 20)
    const other = new PassThrough({ highWaterMark: 10 })
    assert.is(
      await writeStream(chunked(text(1000)), other, { signal: stop.signal }).catch((error: unknown) => error),
      reason,
    )
  })
})
