import { listTargets, outlineOf, ParseError, parseDockerfile } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const text = `
ARG inherited=box
ARG unrelated=box2
ARG unused=abc\${unrelated}
# sfx is a suffix
ARG sfx="usy\${inherited}"
FROM b\${sfx} AS first
# FOO is plain
ARG FOO=123
ARG BAR=456 TARGETARCH
RUN --mount=type=secret,id=token,required --mount=type=ssh true
FROM alpine\${unused} AS second
ARG BAZ
FROM scratch AS third
ENV part=p
ARG ABC=\${part}q
ARG password
RUN --mount=type=secret,target=/run/npmrc true
# app is what is shipped
FROM third AS app
ARG inherited
COPY --from=first /etc/passwd /
FROM second
`

function outline(target: string | undefined, buildArgs: Record<string, string> = {}) {
  const found = outlineOf(parseDockerfile(text), { ...(target === undefined ? {} : { target }), buildArgs })
  return {
    ...found,
    args: found.args.map(({ name, value, range }) => `${range.startLine} ${name}=${value ?? ''}`),
    secrets: found.secrets.map(({ name, required }) => `${name} ${required}`),
    ssh: found.ssh.map(({ name, required }) => `${name} ${required}`),
  }
}

tests('outline and targets', (test) => {
  test('outlineOf() lists what the stages that a target reaches take', () => {
    assert.equal(outline('App', { BAR: '678' }), {
      name: 'app',
      description: 'is what is shipped',
      args: ['2 inherited=box', '6 sfx=usybox', '9 FOO=123', '10 BAR=678', '16 ABC=pq', '17 password='],
      secrets: ['token true', 'npmrc false'],
      ssh: ['default false'],
    })
  })

  test('outlineOf() takes the last stage, and a global for what its FROM uses', () => {
    assert.equal(outline(undefined), {
      args: ['3 unrelated=box2', '4 unused=abcbox2', '13 BAZ='],
      secrets: [],
      ssh: [],
    })
    assert.equal(outline('second', { unused: 'x', BAZ: 'y' }).args, ['4 unused=x', '13 BAZ=y'])
  })

  test('outlineOf() keeps descriptions and refuses an unknown target', () => {
    const { args } = outlineOf(parseDockerfile(text), { target: 'first' })
    assert.equal(
      args.map(({ name, description }) => `${name}: ${description ?? ''}`),
      ['inherited: ', 'sfx: is a suffix', 'FOO: is plain', 'BAR: '],
    )
    assert.throws(
      () => outline('nope'),
      (error: unknown) => error instanceof ParseError && /"nope" could not be found/.test(error.message),
    )
  })

  test('listTargets() gives every stage with its line', () => {
    const targets = listTargets(parseDockerfile('# a does it\nFROM x AS a\nFROM --platform=linux/arm64 y\nFROM a AS Z'))
    assert.equal(
      targets.map(({ range, ...rest }) => ({ ...rest, line: range.startLine })),
      [
        { name: 'a', default: false, description: 'does it', base: 'x', line: 2 },
        { default: false, base: 'y', platform: 'linux/arm64', line: 3 },
        { name: 'z', default: true, base: 'a', line: 4 },
      ],
    )
  })
})
