import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { applyChanges } from '../dist/images/apply-changes.js'

type Config = Parameters<typeof applyChanges>[0]

const base: Config = { Env: ['PATH=/bin', 'A=1'], Cmd: ['sh'], WorkingDir: '/srv', Labels: { a: '1' } }

const good: readonly (readonly [changes: readonly string[], expected: Config])[] = [
  [['CMD ["/bin/httpd", "-f"]'], { ...base, Cmd: ['/bin/httpd', '-f'], ArgsEscaped: true }],
  [['cmd run it'], { ...base, Cmd: ['/bin/sh', '-c', 'run it'], ArgsEscaped: true }],
  [['ENTRYPOINT ["/e"]'], { Env: base.Env!, WorkingDir: '/srv', Labels: { a: '1' }, Entrypoint: ['/e'] }],
  [['CMD ["x"]', 'ENTRYPOINT ["/e"]'], { ...base, Cmd: ['x'], ArgsEscaped: true, Entrypoint: ['/e'] }],
  [['ENV A=2 B="$A c"', 'ENV D=$A'], { ...base, Env: ['PATH=/bin', 'A=2', 'B=1 c', 'D=2'] }],
  [
    ['EXPOSE 80 53/udp 8000-8001'],
    {
      ...base,
      ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {} },
    },
  ],
  [['LABEL b=2 a=3'], { ...base, Labels: { a: '3', b: '2' } }],
  [['USER 1000:1000', 'STOPSIGNAL SIGINT'], { ...base, User: '1000:1000', StopSignal: 'SIGINT' }],
  [['VOLUME /data /more'], { ...base, Volumes: { '/data': {}, '/more': {} } }],
  [['WORKDIR sub', 'WORKDIR ../other'], { ...base, WorkingDir: '/srv/other' }],
  [['ONBUILD RUN make'], { ...base, OnBuild: ['RUN make'] }],
  [['HEALTHCHECK NONE'], { ...base, Healthcheck: { Test: ['NONE'] } }],
  [
    ['HEALTHCHECK --interval=5s --retries=2 CMD true'],
    { ...base, Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 5_000_000_000, Retries: 2 } },
  ],
  [[], base],
]

const bad: Record<string, RegExp> = {
  'RUN make': /Cannot apply change "RUN make": "RUN" is not allowed here/,
  'COPY a b': /"COPY" is not allowed/,
  'FROM x': /"FROM" is not allowed/,
  '': /it is empty/,
  ENV: /ENV/,
  'EXPOSE http': /http/,
  'CMD a\nRUN b': /single expression/,
  'ONBUILD FROM x': /ONBUILD/i,
}

tests('applyChanges()', (test) => {
  for (const [changes, expected] of good) {
    test(`applyChanges() applies ${JSON.stringify(changes)}`, () => {
      assert.equal(applyChanges(base, changes), expected)
    })
  }

  for (const [change, why] of Object.entries(bad)) {
    test(`applyChanges() refuses ${JSON.stringify(change)}`, () => {
      assert.throws(
        () => applyChanges(base, [change]),
        (error: unknown) => hasCode(error, 'OPTION_INVALID') && why.test(error.message),
      )
    })
  }
})
