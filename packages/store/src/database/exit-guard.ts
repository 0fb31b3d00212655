import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import { isMainThread } from 'node:worker_threads'

let underWay = 0
let failure: { readonly error: unknown } | undefined
let guarded = false

/** Counts a transaction as under way until it ends, for `process.exit()`: lmdb's write thread waits then for a callback that never comes,
 * Node waits for that thread, and the database stays locked for every process; or the thread crashes. So the process ends at once, which
 * undoes the transaction. */
export async function whileUnderWay<Result>(transaction: () => Promise<Result>): Promise<Result> {
  guard()
  underWay++
  try {
    return await transaction()
  } finally {
    underWay--
  }
}

function guard(): void {
  if (guarded || !isMainThread) return
  guarded = true
  process.on('uncaughtExceptionMonitor', (error) => {
    failure = { error }
  })
  // Before lmdb's own listener, which closes what its thread writes to.
  process.prependListener('exit', (code) => {
    if (underWay === 0) return
    // Node would tell it after the last listener.
    if (failure !== undefined) writeSync(2, `${inspect(failure.error)}\n`)
    endNow(code)
  })
}

/** Ends the process with its exit code and runs nothing any more, neither listeners nor destructors of native code. */
function endNow(code: number): void {
  try {
    const require = createRequire(import.meta.url)
    const koffi = require('koffi') as Koffi
    koffi.load(null).func('_exit', 'void', ['int'])(code)
  } catch {
    // Without the code, then.
  }
  process.kill(process.pid, 'SIGKILL')
}

interface Koffi {
  load(path: null): { func(name: string, result: string, parameters: string[]): (code: number) => void }
}
