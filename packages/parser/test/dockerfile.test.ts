import { type Instruction, ParseError, parseDockerfile, parseNodes, parseOnbuildTrigger } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

/** The last instruction of a stage that has it alone. */
function only<Kind extends Instruction['kind']>(line: string, kind: Kind): Extract<Instruction, { kind: Kind }> {
  const stage = parseDockerfile(`FROM scratch\n${line}\n`).stages[0]
  const found = stage?.instructions.at(-1)
  assert.is(found?.kind, kind)
  return found as Extract<Instruction, { kind: Kind }>
}

const invalid: Record<string, RegExp> = {
  'RUN --mont=type=cache x': /unknown flag: --mont \(did you mean mount\?\)/,
  'RUN --network=lan x': /invalid network mode "lan"/,
  'RUN --security=none x': /security "none" is not valid/,
  'RUN --mount=from=$A,target=/x y': /'from' doesn't support variable expansion/,
  'COPY a': /COPY requires at least two arguments, but only one was provided/,
  'COPY --from=$X a b': /^variable expansion is not supported for --from/,
  'COPY a <<E\nE': /COPY cannot accept a heredoc as a destination/,
  'COPY --link=maybe a b': /expecting boolean value for flag link, not: maybe/,
  'COPY --chown a b': /missing a value on flag: chown/,
  'COPY --from=a --from=b c d': /duplicate flag specified: from/,
  'ENV a': /^ENV must have two arguments/,
  'ENV =a': /ENV names can not be blank/,
  'ENV a=b c': /can't find = in "c"/,
  'ARG =x': /ARG names can not be blank/,
  ARG: /ARG requires at least one argument/,
  'HEALTHCHECK --interval=1us CMD x': /Interval "interval" cannot be less than 1ms/,
  'HEALTHCHECK --interval=5 CMD x': /missing unit in duration "5"/,
  'HEALTHCHECK --retries=-1 CMD x': /--retries cannot be negative \(-1\)/,
  'HEALTHCHECK CMD': /Missing command after HEALTHCHECK CMD/,
  'HEALTHCHECK NONE x': /HEALTHCHECK NONE takes no arguments/,
  'HEALTHCHECK FOO x': /Unknown type "FOO" in HEALTHCHECK \(try CMD\)/,
  'ONBUILD ONBUILD RUN x': /Chaining ONBUILD/,
  'ONBUILD FROM x': /FROM isn't allowed as an ONBUILD trigger/,
  'SHELL sh -c': /SHELL requires the arguments to be in JSON form/,
  'CMD ["a", 1]': /^when using JSON array syntax, arrays must be comprised of strings only/,
  'FROM a b': /FROM requires either one or three arguments/,
  'FROM a AS 1st': /invalid name for build stage: "1st", name can't start with a number/,
  'FORM x': /unknown instruction: FORM \(did you mean FROM\?\)/,
  'copi a b': /unknown instruction: copi \(did you mean copy\?\)/,
  'VOLUME [""]': /VOLUME specified can not be an empty string/,
  'RUN <<E\nbody': /^unterminated heredoc/,
}

tests('parseDockerfile', (test) => {
  test('parseDockerfile() sorts instructions into global arguments and stages', () => {
    const file = parseDockerfile(
      '# the version\n# V of the base\nARG V=1\n# build makes it\nFROM --platform=$BUILDPLATFORM a:$V AS Build\nRUN x\nFROM build\n',
    )
    assert.equal(file.metaArgs[0]?.args, [{ key: 'V', value: '1', comment: 'of the base' }])
    assert.equal(
      file.stages.map(({ index, name, baseName, platform, comment }) => ({ index, name, baseName, platform, comment })),
      [
        { index: 0, name: 'build', baseName: 'a:$V', platform: '$BUILDPLATFORM', comment: 'makes it' },
        { index: 1, name: undefined, baseName: 'build', platform: undefined, comment: undefined },
      ],
    )
    assert.equal(file.stages[0]?.range, { file: 'Dockerfile', startLine: 5, endLine: 6 })
  })
  for (const [line, why] of Object.entries(invalid)) {
    test(`parseDockerfile() refuses ${JSON.stringify(line)}`, () => {
      assert.throws(
        () => parseDockerfile(`FROM scratch\n${line}\n`, { file: 'a/Dockerfile' }),
        (error: unknown) => {
          assert.instance(error, ParseError)
          const { message, range } = error as ParseError
          assert.match(message.replace(/^dockerfile parse error on line 2: /, ''), why)
          assert.is(range?.startLine, 2)
          return range?.file === 'a/Dockerfile'
        },
      )
    })
  }
  const empty: Record<string, RegExp> = {
    '': /the Dockerfile cannot be empty/,
    '# nothing\n\n': /file with no instructions/,
    'ARG A\n': /no stages to build/,
    'RUN x\n': /no build stage in current context/,
    '# escape=x\nFROM a\n': /invalid escape token 'x'/,
    '# escape=\\\n# escape=`\nFROM a\n': /only one escape parser directive can be used/,
  }
  for (const [text, why] of Object.entries(empty)) {
    test(`parseDockerfile() refuses the file ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseDockerfile(text), why))
  }
  test('parseDockerfile() refuses a line of 65,536 bytes and takes one of 65,535', () => {
    const file = (bytes: number): string =>
      `FROM scratch\nLABEL a=${'ä'.repeat((bytes - 8) / 2)}${bytes % 2 ? 'x' : ''}\n`
    assert.is(parseDockerfile(file(65_535)).stages.length, 1)
    assert.throws(() => parseDockerfile(file(65_536)), /line greater than max allowed size of 65535/)
  })

  test('parseDockerfile() reads every flag of COPY and ADD', () => {
    const copy = only('COPY --from=0 --chown=a:b --chmod=u+x --link --parents --exclude=x --exclude=y a b c/', 'copy')
    assert.equal(
      [copy.from, copy.chown, copy.chmod, copy.link, copy.parents, copy.exclude, copy.sources, copy.destination],
      ['0', 'a:b', 'u+x', true, true, ['x', 'y'], ['a', 'b'], 'c/'],
    )
    const add = only('ADD --checksum=sha256:0 --keep-git-dir --unpack=false https://x /', 'add')
    assert.equal([add.checksum, add.keepGitDir, add.unpack, add.link], ['sha256:0', true, false, false])
    assert.is(only('ADD a b', 'add').unpack, undefined)
  })
  test('parseDockerfile() makes files of heredocs in COPY', () => {
    assert.equal(only("COPY <<-a <<'b' /\n\t$x\na\n\t$y\nb", 'copy').inlineFiles, [
      { name: 'a', data: '$x\n', expand: true },
      { name: 'b', data: '\t$y\n', expand: false },
    ])
  })
  test('parseDockerfile() tells shell form from exec form', () => {
    assert.equal(only('RUN a  b', 'run').command, { form: 'shell', text: 'a  b' })
    assert.equal(only('CMD ["a", "b c"]', 'cmd').command, { form: 'exec', args: ['a', 'b c'] })
    assert.equal(only("ENTRYPOINT ['a']", 'entrypoint').command, { form: 'shell', text: "['a']" })
    assert.equal(only('CMD []', 'cmd').command, { form: 'exec', args: [] })
  })
  test('parseDockerfile() reads the options of HEALTHCHECK in nanoseconds', () => {
    const line = 'HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=0 --start-interval=2ms --retries=3 CMD a b'
    assert.equal(only(line, 'healthcheck').healthcheck, {
      Test: ['CMD-SHELL', 'a b'],
      Interval: 90e9,
      Timeout: 1.5e9,
      StartInterval: 2e6,
      Retries: 3,
    })
    assert.equal(only('HEALTHCHECK none', 'healthcheck').healthcheck, { Test: ['NONE'] })
    assert.equal(only('HEALTHCHECK cmd ["a"]', 'healthcheck').healthcheck.Test, ['CMD', 'a'])
  })
  test('parseDockerfile() keeps the old form of ENV apart, and ARGs without value', () => {
    assert.equal(only('ENV a  b  c', 'env').pairs, [{ key: 'a', value: 'b  c', delimiter: '' }])
    assert.equal(only('ARG a b= c="d e"', 'arg').args, [
      { key: 'a' },
      { key: 'b', value: '' },
      { key: 'c', value: '"d e"' },
    ])
  })
  test('parseDockerfile() keeps an ONBUILD as text that parseOnbuildTrigger() reads', () => {
    const { expression, trigger } = only('onbuild COPY <<E /x\nbody\nE', 'onbuild')
    assert.equal([expression, trigger], ['COPY <<E /x\nbody\nE', 'COPY'])
    const again = parseOnbuildTrigger(expression)
    assert.is(again.kind === 'copy' && again.inlineFiles[0]?.data, 'body\n')
    assert.throws(() => parseOnbuildTrigger('RUN a\nRUN b'), /should be a single expression/)
    assert.throws(() => parseOnbuildTrigger('FROM a'), /isn't allowed as an ONBUILD trigger/)
  })
  test('parseDockerfile() keeps what was written beside what is meant', () => {
    const run = only('Run a \\\n# comment\n  b', 'run')
    assert.equal([run.keyword, run.code, run.source], ['Run', 'Run a   b', 'Run a \\\n# comment\n  b'])
    assert.equal([run.range.startLine, run.range.endLine], [2, 4])
  })
  test('parseNodes() warns of empty lines in continuations, and takes bytes', () => {
    const tree = parseNodes(Buffer.from('\ufeffFROM a\nRUN b \\\n\n  c\n'))
    assert.equal(tree.warnings[0]?.range, { file: 'Dockerfile', startLine: 4, endLine: 4 })
    assert.is(tree.nodes[0]?.instruction, 'from')
  })
})
