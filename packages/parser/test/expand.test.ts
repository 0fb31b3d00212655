import { expandInstruction, type Instruction, ParseError, parseDockerfile, type RunMount } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const env = new Map([
  ['A', 'x'],
  ['PORTS', '80 81'],
])

function expand(line: string): ReturnType<typeof expandInstruction<Instruction>> {
  const stage = parseDockerfile(`FROM scratch\n${line}\n`).stages[0]
  return expandInstruction(stage?.instructions[0] as Instruction, env)
}

const expanded: readonly [line: string, member: string, expected: unknown][] = [
  [
    'ENV k$A="$A b" c=\'$A\'',
    'pairs',
    [
      { key: 'kx', value: 'x b', delimiter: '=' },
      { key: 'c', value: '$A', delimiter: '=' },
    ],
  ],
  ['LABEL $A=$A', 'pairs', [{ key: 'x', value: 'x', delimiter: '=' }]],
  ['COPY --chown=$A --chmod=${A} --exclude=$A "$A" b$A', 'sources', ['x']],
  ['COPY --chown=$A a b', 'chown', 'x'],
  ['COPY --chmod=$A a b', 'chmod', 'x'],
  ['COPY --exclude=$A a b', 'exclude', ['$A']],
  ['COPY a b$A', 'destination', 'bx'],
  ['ADD --checksum=$A a b', 'checksum', 'x'],
  ['WORKDIR /$A', 'path', '/x'],
  ['USER $A', 'user', 'x'],
  ['VOLUME /$A /b', 'volumes', ['/x', '/b']],
  ['STOPSIGNAL $A', 'signal', 'x'],
  ['EXPOSE $PORTS 9', 'ports', ['80', '81', '9']],
  ['RUN echo $A', 'command', { form: 'shell', text: 'echo $A' }],
  ['CMD ["$A"]', 'command', { form: 'exec', args: ['$A'] }],
  ['ARG $A=$A', 'args', [{ key: '$A', value: '$A' }]],
  ['ONBUILD RUN $A', 'expression', 'RUN $A'],
  ['SHELL ["$A"]', 'shell', ['$A']],
]

const mounts: readonly [text: string, expected: Partial<RunMount>][] = [
  ['target=/a', { type: 'bind', target: '/a', readonly: true, required: false }],
  ['type=bind,src=s,dst=/d,rw,from=st', { type: 'bind', source: 's', target: '/d', readonly: false, from: 'st' }],
  [
    'type=cache,id=$A,target=/c,sharing=LOCKED,mode=0755,uid=1,gid=2',
    {
      type: 'cache',
      id: 'x',
      target: '/c',
      sharing: 'locked',
      mode: 0o755,
      uid: 1,
      gid: 2,
      readonly: false,
    },
  ],
  ['type=secret,id=s,env=TOKEN,required', { type: 'secret', id: 's', env: 'TOKEN', required: true, readonly: true }],
  ['type=ssh,required=false', { type: 'ssh', required: false }],
  ['type=tmpfs,target=/t,size=64m', { type: 'tmpfs', sizeBytes: 64 << 20, readonly: false }],
  ['"type=cache","target=/a,b"', { type: 'cache', target: '/a,b' }],
  ['target=/a,readonly=false', { readonly: false }],
]

const badMounts: Record<string, RegExp> = {
  'type=bnd,target=/x': /unsupported mount type "bnd" \(did you mean bind\?\)/,
  'typ=tmpfs': /unexpected key 'typ' in 'typ=tmpfs' \(did you mean type\?\)/,
  'type=bind,size=1': /unexpected key 'size' for mount type 'bind'/,
  'type=bind,required': /unexpected key 'required' for mount type 'bind'/,
  'type=bind,mode=755': /mode not allowed for "bind" type mounts/,
  'type=cache,mode=9': /invalid value 9 for mode/,
  'type=cache,sharing=lock': /unsupported sharing value "lock"/,
  'type=tmpfs,sharing=shared': /invalid cache sharing set for tmpfs mount/,
  'type=secret': /invalid secret mount. one of source, target required/,
  'type=secret,id=a,src=b': /both source and id can't be set/,
  'type=secret,id=a,from=b': /secret mount should not have a from/,
  'target=/x,ro=maybe': /invalid value for ro: maybe/,
  'target=/x,foo': /invalid field 'foo' must be a key=value pair/,
}

tests('expandInstruction', (test) => {
  for (const [line, member, expected] of expanded) {
    test(`expandInstruction() gives ${member} of ${line} as BuildKit does`, () => {
      assert.equal((expand(line).instruction as unknown as Record<string, unknown>)[member], expected)
    })
  }
  test('expandInstruction() expands the body of an unquoted heredoc only, and leaves its quotes', () => {
    const { instruction } = expand(`COPY <<a <<"b" /\nit's $A "\\$A"\na\n$A\nb`)
    assert.equal(instruction.kind === 'copy' && instruction.inlineFiles.map(({ data }) => data), [
      `it's x "$A"\n`,
      '$A\n',
    ])
  })
  test('expandInstruction() names unset variables once for each word, and not those of EXPOSE', () => {
    assert.equal(expand('COPY $NO $NO$NO $A /').unmatched, ['NO', 'NO'])
    assert.equal(expand('EXPOSE $NO').unmatched, [])
  })
  for (const [text, expected] of mounts) {
    test(`expandInstruction() reads --mount=${text}`, () => {
      const { instruction } = expand(`RUN --mount='${text}' x`)
      const mount = instruction.kind === 'run' ? instruction.mounts[0] : undefined
      for (const [key, value] of Object.entries(expected)) assert.is(mount?.[key as keyof RunMount], value)
    })
  }
  for (const [text, why] of Object.entries(badMounts)) {
    test(`expandInstruction() refuses --mount=${text}`, () => {
      assert.throws(
        () => expand(`RUN --mount=${text} x`),
        (error: unknown) => error instanceof ParseError && error.range?.startLine === 2 && why.test(error.message),
      )
    })
  }
})
