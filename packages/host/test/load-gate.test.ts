import { spawnSync } from 'node:child_process'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const host = new URL('../dist/index.js', import.meta.url).href
const entry = new URL('./load-test-worker.js', import.meta.url).href

/** A program that ends threads, or itself, at many instants while they load native code. */
function endsWhileLoading(end: string, from: number, to: number) {
  const code = `
    const { createWorkerPool } = await import(${JSON.stringify(host)})
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    for (let ms = ${from}; ms < ${to}; ms += 2) {
      const pool = createWorkerPool({ entry: new URL(${JSON.stringify(entry)}), size: 2, name: 'loading' })
      for (let thread = 0; thread < 2; thread++) pool.run('load').catch(() => {})
      await pause(ms)
      ${end}
    }`
  return spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', timeout: 120_000 })
}

tests('ending threads', (test) => {
  test('a pool is closed while its threads load native code', () => {
    const { status, signal, stderr } = endsWhileLoading('await pool[Symbol.asyncDispose]()', 10, 90)
    assert.is(status, 0, `${signal} ${stderr}`)
  })

  test('a program exits while its threads load native code', () => {
    for (let ms = 20; ms < 70; ms += 5) {
      const { status, signal, stderr } = endsWhileLoading('process.exit(7)', ms, ms + 1)
      assert.is(status, 7, `${signal} ${stderr}`)
    }
  })
})
