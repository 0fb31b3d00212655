import { suite } from 'uvu'

export interface TestOptions {
  /** Milliseconds until the test counts as failed. Default 30,000. */
  readonly timeoutMs?: number
  /** A reason not to run it here; the runner lists it, and CI fails for a reason that it does not expect. */
  readonly skip?: string | false | undefined
}

/** Registers one test; the title reads "symbol() does X". */
export type RegisterTest = (title: string, body: () => unknown, options?: TestOptions) => void

/** Registers and runs the tests of a file on uvu, and closes two of its holes: a file that registers no test fails,
 * and every test has a time limit. There are no hooks on purpose: set up inside the test with `await using`. */
export function tests(name: string, define: (test: RegisterTest) => void): void {
  const group = suite(name)
  let count = 0
  define((title, body, { timeoutMs = 30_000, skip } = {}) => {
    count++
    if (skip) {
      console.log(`SKIP ${name} › ${title}: ${skip}`)
      group.skip(title, () => {})
      return
    }
    group(title, () => limited(title, body, timeoutMs))
  })
  if (count === 0) throw new Error(`${name}: no test registered`)
  group.run()
}

async function limited(title: string, body: () => unknown, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`"${title}" took longer than ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    await Promise.race([(async () => body())(), late])
  } finally {
    clearTimeout(timer)
  }
}
