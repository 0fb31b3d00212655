import { readdirSync, readFileSync } from 'node:fs'
import {
  createIgnore,
  editorAst,
  expandInstruction,
  expandWord,
  formatNodes,
  lint,
  ParseError,
  parseDockerfile,
  parseNodes,
} from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'

const folder = new URL('../test/testdata/', import.meta.url)
const corpus = readdirSync(folder).map((name) => readFileSync(new URL(`${name}/Dockerfile`, folder), 'utf8'))

const pieces = fc.constantFrom(
  ...'FROM scratch\n|RUN |COPY a b\n|ENV |ARG |HEALTHCHECK --interval=|LABEL |ONBUILD |EXPOSE |SHELL |\n|\\\n|<<E|E\n|<<-|"|\'|$|${|}|:-|#|%|/|[|]|,|=| |\t|--|--mount=|--from=|type=|\\|`|# escape=`\n|# check=|\u00a0|é|🚀|\u0000|\r\n|*|?|!'.split(
    '|',
  ),
)
const random = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(pieces, { maxLength: 60 }).map((list) => list.join('')),
  fc.array(pieces, { maxLength: 60 }).map((list) => `FROM scratch\n${list.join('')}`),
)
const mutated = fc
  .tuple(fc.constantFrom(...corpus), fc.array(fc.tuple(fc.nat(), fc.nat(8), pieces), { minLength: 1, maxLength: 6 }))
  .map(([text, edits]) =>
    edits.reduce((out, [at, cut, piece]) => {
      const start = at % (out.length + 1)
      return out.slice(0, start) + piece + out.slice(start + cut)
    }, text),
  )

/** Runs what may only throw our own error. */
function only<T>(body: () => T): T | undefined {
  try {
    return body()
  } catch (error) {
    assert.instance(error, ParseError)
    return undefined
  }
}

function everything(text: string): void {
  only(() => formatNodes(parseNodes(text).nodes))
  const file = only(() => parseDockerfile(text))
  if (file === undefined) return
  only(() => lint(file, { stages: 'all', baseImage: () => ({}) }))
  for (const instruction of file.stages.flatMap((stage) => stage.instructions)) {
    only(() => expandInstruction(instruction, new Map([['A', 'b']])))
  }
}

tests('fuzz', (test) => {
  test('parseDockerfile() throws nothing but ParseError for random text', () => {
    fc.assert(fc.property(random, everything), { numRuns: 3000 })
  })
  test('parseDockerfile() throws nothing but ParseError for damaged files', () => {
    fc.assert(fc.property(mutated, everything), { numRuns: 3000 })
  })
  test('parseNodes() throws nothing but ParseError for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void only(() => parseNodes(bytes))),
      { numRuns: 1000 },
    )
  })
  test('expandWord() throws nothing but ParseError', () => {
    const property = fc.property(random, fc.string(), (word, value) => {
      only(() => expandWord(word, new Map([['A', value]])))
      only(() => expandWord(`\${A${word}`, new Map([['A', value]])))
    })
    fc.assert(property, { numRuns: 3000 })
  })
  test('createIgnore() throws nothing but ParseError', () => {
    const property = fc.property(fc.array(random, { maxLength: 3 }), fc.string(), (patterns, path) => {
      only(() => createIgnore(patterns).matches(path))
      only(() => createIgnore(patterns).canSkipDirectory(path))
    })
    fc.assert(property, { numRuns: 2000 })
  })
  test('editorAst() never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(random, mutated), async (text) => void (await editorAst(text))),
      { numRuns: 1000 },
    )
  })

  const repeated = (line: string): string => `FROM x\n${line.repeat(Math.ceil(1e6 / line.length))}`
  const large: Record<string, string> = {
    'ordinary lines': repeated('RUN echo "$A" && \\\n  # c\n  b\nENV A=b C="d e"\nCOPY --chown=1 a b /c/\n'),
    'quotes in continuations': `FROM x\nRUN ${`${'"'.repeat(60_000)}\\\n`.repeat(16)}`,
    'heredoc openers': `FROM x\nRUN ${`${'<<a '.repeat(15_000)}\\\n`.repeat(16)}`,
    'nested substitutions': `FROM x\nENV a=${`${'${a:-'.repeat(12_000)}\\\n`.repeat(16)}`,
    'open brackets': `FROM x\nRUN ${'['.repeat(60_000)}`,
    'empty continuations': `FROM x\n${'\\\n'.repeat(500_000)}`,
    'white space': `FROM x\nRUN x${`${' '.repeat(60_000)}x\\\n`.repeat(16)}`,
    comments: `FROM x\n${'# a\n'.repeat(250_000)}`,
    'nested ONBUILD': `FROM x\n${'ONBUILD '.repeat(8000)}`,
  }
  for (const [name, text] of Object.entries(large)) {
    test(`parseDockerfile() reads 1 MB of ${name} in a second of processor time`, () => {
      const before = process.cpuUsage()
      only(() => parseDockerfile(text))
      const { user, system } = process.cpuUsage(before)
      assert.ok((user + system) / 1000 < 1500, `${(user + system) / 1000} ms`)
    })
  }
})
