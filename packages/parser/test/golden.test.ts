import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { formatNodes, parseNodes } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const folder = new URL('../test/testdata/', import.meta.url)

// `--update` (or UPDATE_GOLDEN=1) writes the results anew; read the difference before it is committed.
const update = process.argv.includes('--update') || process.env.UPDATE_GOLDEN === '1'

tests('golden files', (test) => {
  for (const name of readdirSync(folder)) {
    test(`formatNodes() prints ${name} as its golden file`, () => {
      const tree = parseNodes(readFileSync(new URL(`${name}/Dockerfile`, folder)))
      const lines = tree.nodes.map(({ range }) => `${range.startLine}-${range.endLine}`).join(' ')
      const heredocs = tree.nodes.flatMap((node) => node.heredocs).map((heredoc) => `; ${JSON.stringify(heredoc)}\n`)
      const warnings = tree.warnings.map(({ message, range }) => `; warning at ${range.startLine}: ${message}\n`)
      const printed = `${formatNodes(tree.nodes)}; lines ${lines}\n${heredocs.join('')}${warnings.join('')}`
      const file = new URL(`${name}/result`, folder)
      if (update) writeFileSync(file, printed)
      assert.is(printed, readFileSync(file, 'utf8'))
    })
  }
})
