import { ParseError, parseDockerfile } from '@tsbuild/parser'
import { canonicalJson, hasCode, type JsonValue, parsePlatform } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { piecesOf, slicesOf } from '../dist/parse/pieces.js'
import { parseAnywhere, parseInWorker } from '../dist/parse-large.js'

const checks = { buildArgs: {}, targetPlatform: parsePlatform('linux/amd64'), ignore: [] }
const lines = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, at) => line(at))
/** Comparing megabytes member by member takes long. */
const json = (value: object) => canonicalJson(value as unknown as JsonValue)
const request = (text: string) => ({ file: 'x/Dockerfile', text, checks })

const dockerfiles: Record<string, string> = {
  'every instruction': [
    '# syntax=docker/dockerfile:1',
    'ARG A=1 B',
    'FROM --platform=$BUILDPLATFORM scratch AS one',
    'RUN --mount=type=cache,target=/c --network=none <<EOF',
    'echo \ud83d\ude80 "é"',
    'EOF',
    'COPY --chown=1:2 --exclude=*.x <<a <<-"b" c d/',
    'x $y',
    'a',
    '\ttab',
    'b',
    'HEALTHCHECK --interval=3s CMD ["a", "b"]',
    'from one as Two',
    'ONBUILD ADD --keep-git-dir=true https://h/x.git#a:b /x',
    'LABEL a=b c="d e"',
    'EXPOSE 80-90/udp',
    'SHELL ["x"]',
    'CMD a \\',
    '# comment',
    '  b',
  ].join('\n'),
  'many instructions': ['\ufeffFROM scratch', ...lines(5000, (at) => `RUN echo ${at} && \\\n  true $X`)].join('\r\n'),
  'many stages': lines(2000, (at) => `FROM scratch AS s${at}\nCOPY --from=s${Math.max(0, at - 1)} a b`).join('\n'),
  'long lists': `ARG ${lines(2000, (at) => `n${at}=v`).join(' ')}\nFROM scratch\nENV ${lines(8000, (at) => `n${at}=v${at}`).join(' \\\n ')}`,
  'a long here-document': `FROM scratch\nCOPY <<EOF /x\n${'some text\n'.repeat(50_000)}EOF\n`,
}

tests('parsing in a worker', (test) => {
  for (const [name, text] of Object.entries(dockerfiles)) {
    test(`parseInWorker() gives what parseDockerfile() does: ${name}`, async () => {
      const slices: number[] = []
      const { dockerfile, warnings } = await parseInWorker(request(text), { onSlice: (pieces) => slices.push(pieces) })
      const { nodes: _, directives: _d, warnings: _w, ...expected } = parseDockerfile(text, { file: 'x/Dockerfile' })
      assert.ok(json(dockerfile) === json({ ...expected, text: dockerfile.text }))
      assert.is(dockerfile.text, text.replace(/^\ufeff/, ''))
      assert.ok(Array.isArray(warnings()))
    })
  }

  test('slicesOf() cuts a large Dockerfile into slices of bounded size', () => {
    for (const name of ['many instructions', 'many stages', 'long lists']) {
      const parsed = parseDockerfile(dockerfiles[name] ?? '')
      const slices = [...slicesOf(piecesOf(parsed, [], undefined))]
      // The longest instruction's text stands in one piece: it can't be cut.
      const longest = Math.max(
        ...parsed.stages.flatMap(({ instructions }) => instructions.map(({ source }) => source.length)),
      )
      const sizes = slices.map((slice) => JSON.stringify(slice).length)
      assert.ok(slices.length > 5, `${name}: ${slices.length}`)
      assert.ok(Math.max(...sizes) < 400_000 + 3 * longest, `${name}: ${Math.max(...sizes)}`)
      assert.ok(Math.max(...slices.map((slice) => slice.length)) <= 200, name)
    }
  })

  test('parseInWorker() finds what the build checks do', async () => {
    const text = `FROM scratch as x\nENV a b\n${'# filler\n'.repeat(10_000)}`
    const there = await parseInWorker(request(text))
    const rules = ['FromAsCasing', 'LegacyKeyValueFormat']
    assert.equal(
      there.warnings().map(({ rule }) => rule),
      rules,
    )
    const here = await parseAnywhere(request(text.slice(0, 100)))
    assert.equal(
      here.warnings().map(({ rule }) => rule),
      rules,
    )
  })

  for (const [name, text, code, line] of [
    ['an unknown instruction', 'FROM scratch\nRNU x', 'INSTRUCTION_UNKNOWN', 2],
    ['an open here-document', 'FROM scratch\nRUN <<E\nx', 'HEREDOC_UNTERMINATED', 2],
    ['no stage', '# nothing\n', 'DOCKERFILE_EMPTY', 1],
  ] as const) {
    test(`parseInWorker() throws the error of ${name} with its place`, async () => {
      const error: unknown = await parseInWorker(request(text)).catch((cause: unknown) => cause)
      assert.instance(error, ParseError)
      assert.ok(hasCode(error, code), String(error))
      assert.equal((error as ParseError).range?.startLine, line)
      assert.equal((error as ParseError).range?.file, 'x/Dockerfile')
    })
  }

  test('parseInWorker() and parseAnywhere() say what the checks failed with only when they are asked', async () => {
    const text = '# check=bad\nFROM scratch\n'
    for (const parsed of [await parseInWorker(request(text)), await parseAnywhere(request(text))]) {
      assert.is(parsed.dockerfile.stages.length, 1)
      assert.throws(
        () => parsed.warnings(),
        (error: unknown) => hasCode(error, 'DOCKERFILE_SYNTAX'),
      )
    }
  })

  test('parseInWorker() ends with the reason of its signal', async () => {
    const reason = new Error('enough')
    const text = dockerfiles['many instructions'] ?? ''
    assert.is(
      await parseInWorker(request(text), { signal: AbortSignal.abort(reason) }).catch((error: unknown) => error),
      reason,
    )
    const stop = new AbortController()
    const parsing = parseInWorker(request(text), { signal: stop.signal, onSlice: () => stop.abort(reason) })
    assert.is(await parsing.catch((error: unknown) => error), reason)
  })
})
