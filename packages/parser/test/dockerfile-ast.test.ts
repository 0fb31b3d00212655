import { readdirSync, readFileSync } from 'node:fs'
import { editorAst, parseNodes } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import { DockerfileParser } from 'dockerfile-ast'
import * as assert from 'uvu/assert'

/** Where dockerfile-ast sees another file than we do (and than BuildKit does); each is looked at by hand. */
const knownDifferences: Record<string, string> = {
  'FROM a\nRUN a \\\\\nRUN b\n': 'takes an escaped escape character for a continuation',
  'FROM a\nRUN echo "x <<EOF y"\nRUN b\n': 'sees a heredoc inside quotes, which swallows what follows',
  "FROM a\nCOPY <<'E F' /y\nx\nE F\nRUN b\n": 'does not know names with white space',
  'FROM a\nRUN <<E"O"F\nx\nEOF\nRUN b\n': 'does not know partly quoted names',
  'FROM a\nRUN 3<<EOF cat\nx\nEOF\nRUN b\n': 'does not know file descriptors',
  'FROM a\nRUN << EOF\nx\nEOF\nRUN b\n': 'does not know white space behind <<',
}

/** Keyword and last line of each instruction, by both. */
function boundaries(text: string): { ours: string[]; theirs: string[] } {
  const ours = parseNodes(text).nodes.map(
    ({ instruction, range }) => `${instruction} ${range.startLine}-${range.endLine}`,
  )
  const theirs = DockerfileParser.parse(text)
    .getInstructions()
    .map((found) => {
      const { start, end } = found.getRange()
      return `${found.getInstruction().toLowerCase()} ${start.line + 1}-${end.line + 1}`
    })
  return { ours, theirs }
}

const agree = [
  'FROM a AS b\nRUN x \\\n  y\nCOPY --from=b c d\n',
  'FROM a\nRUN <<EOF\necho\nEOF\nCMD ["x"]\n',
  'FROM a\nCOPY <<A <<B /\n1\nA\n2\nB\nRUN b\n',
  'FROM a\nRUN x \\\n# comment\n y\nENV a=b\n',
]

tests('dockerfile-ast', (test) => {
  for (const [text, why] of Object.entries(knownDifferences)) {
    test(`dockerfile-ast ${why}: ${JSON.stringify(text)}`, () => {
      const { ours, theirs } = boundaries(text)
      assert.not.equal(ours, theirs)
      assert.match(ours.at(-1) ?? '', /^run /)
    })
  }
  for (const text of agree) {
    test(`parseNodes() finds the same instructions as dockerfile-ast in ${JSON.stringify(text)}`, () => {
      const { ours, theirs } = boundaries(text)
      assert.equal(ours, theirs)
    })
  }
  test('editorAst() gives the columns of keywords, flags, arguments and variables', async () => {
    const { instructions, error } = await editorAst(
      '# escape=`\nFROM x\nRUN --mount=type=cache,target=/x echo $A `\n  ${B:-c}\nCOPY <<E /y\nbody $Z\nE\n',
    )
    assert.is(error, undefined)
    assert.equal(
      instructions.map(({ keyword }) => [keyword.text, keyword.range.start.line]),
      [
        ['FROM', 1],
        ['RUN', 2],
        ['COPY', 4],
      ],
    )
    const run = instructions[1]
    assert.equal(run?.flags[0]?.value, {
      text: 'type=cache,target=/x',
      range: { start: { line: 2, character: 12 }, end: { line: 2, character: 32 } },
    })
    assert.equal(run?.variables[1], {
      name: { text: 'B', range: { start: { line: 3, character: 4 }, end: { line: 3, character: 5 } } },
      range: { start: { line: 3, character: 2 }, end: { line: 3, character: 9 } },
      modifier: '-',
    })
    assert.equal(instructions[2]?.variables, [])
  })
  test('editorAst() makes out what it can of a broken file', async () => {
    const { instructions, error } = await editorAst('FROM x\nENV a\nRUN b\n')
    assert.match(error?.message ?? '', /ENV must have two arguments/)
    assert.equal(
      instructions.map(({ keyword }) => keyword.text),
      ['FROM', 'ENV', 'RUN'],
    )
  })
  test('editorAst() and parseNodes() see the same keywords in the golden files', async () => {
    const folder = new URL('../test/testdata/', import.meta.url)
    for (const name of readdirSync(folder)) {
      const text = readFileSync(new URL(`${name}/Dockerfile`, folder), 'utf8')
      const { instructions } = await editorAst(text)
      assert.equal(
        instructions.map(({ keyword, range }) => `${keyword.text} ${range.start.line + 1}`),
        parseNodes(text).nodes.map(({ keyword, range }) => `${keyword} ${range.startLine}`),
        name,
      )
    }
  })
})
