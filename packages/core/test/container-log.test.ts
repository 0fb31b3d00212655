import { once } from 'node:events'
import { appendFile, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { openLogFile } from '../dist/containers/monitor/log-file.js'
import { readLog } from '../dist/containers/read-log.js'

tests('a log', (test) => {
  const limits = { maxSizeBytes: 1 << 20, maxFiles: 2 }

  const never = () => new Promise<void>(() => {})

  async function read(directory: string, options = {}) {
    const entries: { stream: string; text: string }[] = []
    for await (const { stream, data } of readLog({ directory, log: join(directory, 'log'), ended: never }, options))
      entries.push({ stream, text: Buffer.from(data).toString('latin1') })
    return entries
  }

  test('readLog() gives lines back, byte for byte', async () => {
    await using dir = await tempDir()
    using log = openLogFile(join(dir.path, 'log'), limits)
    log.write('stdout', Buffer.from('one\ntwo\nthr'))
    log.write('stderr', Buffer.from('oops\n'))
    log.write('stdout', Buffer.from([0xe2, 0x82]))
    log.write('stdout', Buffer.from([0xac, 0x0a]))
    assert.equal(await read(dir.path), [
      { stream: 'stdout', text: 'one\n' },
      { stream: 'stdout', text: 'two\n' },
      { stream: 'stdout', text: 'thr' },
      { stream: 'stderr', text: 'oops\n' },
      { stream: 'stdout', text: '\xe2\x82' },
      { stream: 'stdout', text: '\xac\n' },
    ])
  })

  for (const [tail, texts] of [
    [0, []],
    [1, ['end']],
    [2, ['b\n', 'end']],
    [9, ['a\n', 'b\n', 'end']],
  ] as const) {
    test(`readLog() with a tail of ${tail} gives the last lines`, async () => {
      await using dir = await tempDir()
      using log = openLogFile(join(dir.path, 'log'), limits)
      log.write('stdout', Buffer.from('a\nb\nend'))
      const found = await read(dir.path, { tail })
      assert.equal(
        found.map(({ text }) => text),
        texts,
      )
    })
  }

  test('readLog() keeps to since and until', async () => {
    await using dir = await tempDir()
    const line = (time: string, log: string) => `${JSON.stringify({ log, stream: 'stdout', time })}\n`
    const text = ['10', '20', '30'].map((second) => line(`2026-01-01T00:00:${second}Z`, `${second}\n`)).join('')
    await writeFile(join(dir.path, 'log'), `${text}{"log":"cut o`)
    const found = await read(dir.path, {
      since: Date.parse('2026-01-01T00:00:15Z'),
      until: Date.parse('2026-01-01T00:00:25Z'),
    })
    assert.equal(found, [{ stream: 'stdout', text: '20\n' }])
  })

  test('openLogFile() keeps so many files of such a size', async () => {
    await using dir = await tempDir()
    using log = openLogFile(join(dir.path, 'log'), { maxSizeBytes: 1000, maxFiles: 3 })
    for (let n = 0; n < 200; n++) log.write('stdout', Buffer.from(`line ${n}\n`))
    assert.equal((await readdir(dir.path)).sort(), ['log', 'log.1', 'log.2'])
    for (const name of await readdir(dir.path)) assert.ok((await readFile(join(dir.path, name))).length <= 1000)
    const found = await read(dir.path)
    assert.is(found.at(-1)?.text, 'line 199\n')
    const numbers = found.map(({ text }) => Number(text.slice(5)))
    assert.equal(
      numbers,
      numbers.map((_, index) => 200 - numbers.length + index),
    )
  })

  test('openLogFile() starts anew where one file is all there may be', async () => {
    await using dir = await tempDir()
    using log = openLogFile(join(dir.path, 'log'), { maxSizeBytes: 300, maxFiles: 1 })
    for (let n = 0; n < 50; n++) log.write('stdout', Buffer.from(`line ${n}\n`))
    assert.equal(await readdir(dir.path), ['log'])
    assert.is((await read(dir.path)).at(-1)?.text, 'line 49\n')
  })

  test('readLog() follows over a change of files to the end', async () => {
    await using dir = await tempDir()
    const path = join(dir.path, 'log')
    const entry = (log: string) => `${JSON.stringify({ log, stream: 'stdout', time: new Date().toISOString() })}\n`
    await writeFile(path, entry('a\n'))
    const end = new PassThrough()
    const ended = () => once(end, 'finish').then(() => {})
    const lines = readLog({ directory: dir.path, log: path, ended }, { follow: true })[Symbol.asyncIterator]()
    const next = async () => Buffer.from((await lines.next()).value?.data ?? '').toString()
    assert.is(await next(), 'a\n')
    await appendFile(path, entry('b\n'))
    assert.is(await next(), 'b\n')
    await appendFile(path, entry('c\n'))
    await rename(path, `${path}.1`)
    await writeFile(path, entry('d\n'))
    assert.is(await next(), 'c\n')
    assert.is(await next(), 'd\n')
    await appendFile(path, entry('e\n'))
    end.end()
    assert.is(await next(), 'e\n')
    assert.is((await lines.next()).done, true)
  })

  test('readLog() stops with its signal', async () => {
    await using dir = await tempDir()
    const stop = new AbortController()
    const lines = readLog(
      { directory: dir.path, log: join(dir.path, 'log'), ended: never },
      { follow: true, signal: stop.signal },
    )
    const next = lines.next().catch((error: unknown) => error)
    stop.abort(new Error('enough'))
    assert.match(String(await next), /enough/)
  })
})
