import { spawnSync } from 'node:child_process'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { openLmdb } from '../dist/database/lmdb-database.js'

const database = new URL('../dist/database/lmdb-database.js', import.meta.url).href

/** Ends a process in that way while transactions are under way. */
function endsBy(path: string, end: string) {
  const code = `
    const { openLmdb } = await import(${JSON.stringify(database)})
    const db = openLmdb(${JSON.stringify(path)}, { readonly: false, onFull: () => false })
    const value = Buffer.alloc(3000)
    let count = 0
    const write = async () => { for (;;) await db.update((tx) => { tx.put(Buffer.from('key ' + count++), value); if (count === 20) setImmediate(end) }) }
    const end = () => { ${end} }
    for (let writer = 0; writer < 3; writer++) void write()`
  return spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', timeout: 60_000 })
}

tests('exit()', (test) => {
  const cases = {
    'process.exit(3)': { code: 3, says: /^$/ },
    "throw new Error('what happened')": { code: 1, says: /Error: what happened/ },
  } as const
  for (const [end, { code, says }] of Object.entries(cases)) {
    test(`"${end}" during transactions ends the process, and leaves the database to others`, async () => {
      await using dir = await tempDir()
      const path = `${dir.path}/metadata`
      const { signal, status, error, stderr } = endsBy(path, end)
      assert.is(error, undefined)
      assert.is(status, code, `${signal} ${stderr}`)
      assert.match(stderr, says)
      await using db = openLmdb(path, { readonly: false, onFull: () => false })
      assert.ok(db.has(Buffer.from('key 0')))
      await db.update((tx) => tx.put(Buffer.from('more'), Buffer.from('x')))
      assert.ok(db.has(Buffer.from('more')))
    })
  }
})
