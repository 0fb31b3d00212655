import { readFileSync } from 'node:fs'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

tests('README', (test) => {
  test('README.md has an example that runs and says what it should', async () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? ''
    const entry = import.meta.resolve('@tsbuild/parser')
    const printed: unknown[][] = []
    const { log } = console
    console.log = (...values: unknown[]): void => void printed.push(values)
    try {
      await import(`data:text/javascript,${encodeURIComponent(example.replace("'@tsbuild/parser'", `'${entry}'`))}`)
    } finally {
      console.log = log
    }
    assert.equal(printed, [['build', 'me']])
  })
})
