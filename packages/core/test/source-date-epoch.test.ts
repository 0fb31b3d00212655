import { parseDockerfile } from '@tsbuild/parser'
import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { Env } from '../dist/frontend/env.js'
import { type EpochSources, type RemoteSource, resolveEpoch } from '../dist/frontend/source-date-epoch.js'

const text = `ARG V=1
FROM scratch AS Src
ARG HOST=h V
ADD --checksum=sha256:$V https://$HOST/$V.tar /
FROM scratch AS kept
ADD --keep-git-dir=true https://h/x.git /
FROM busybox AS image
ADD https://h/x /
FROM scratch AS two
ADD https://h/x /
ADD https://h/y /
FROM scratch AS both
ADD https://h/x https://h/y /
FROM scratch AS run
ADD https://h/x /
RUN x
FROM scratch AS none
ARG X
FROM scratch AS inline
ADD <<EOF /x
EOF
`

const request = { dockerfile: parseDockerfile(text), globals: new Env([['V', '1']]), buildArgs: { HOST: 'given' } }

function sources(asked: unknown[] = []): EpochSources {
  return {
    context: async () => 11,
    named: async (name) => (name === 'dir' ? undefined : name === 'remote' ? 22 : 'none'),
    remote: async (source: RemoteSource) => {
      asked.push(source)
      return 33
    },
  }
}

tests('SOURCE_DATE_EPOCH', (test) => {
  const cases: Record<string, string> = {
    '': '',
    '0': '0',
    '-5': '-5',
    context: '11',
    remote: '22',
    dir: '',
    src: '33',
  }
  for (const [value, expected] of Object.entries(cases)) {
    test(`resolveEpoch() makes "${expected}" of "${value}"`, async () => {
      assert.is(await resolveEpoch(value, request, sources()), expected)
    })
  }

  test('resolveEpoch() asks for what the stage adds, with its arguments', async () => {
    const asked: unknown[] = []
    await resolveEpoch('SRC', request, sources(asked))
    await resolveEpoch('kept', request, sources(asked))
    assert.equal(asked, [
      { url: 'https://given/1.tar', checksum: 'sha256:1' },
      { url: 'https://h/x.git', keepGitDir: true },
    ])
  })

  const bad: Record<string, RegExp> = {
    nowhere: /invalid SOURCE_DATE_EPOCH: nowhere/,
    image: /must use FROM scratch/,
    two: /must contain exactly one remote ADD/,
    both: /exactly one remote ADD source/,
    inline: /exactly one remote ADD source/,
    run: /unsupported run instruction/,
    none: /must contain exactly one remote ADD/,
  }
  for (const [value, why] of Object.entries(bad)) {
    test(`resolveEpoch() refuses "${value}": ${why.source}`, async () => {
      const error: unknown = await resolveEpoch(value, request, sources()).catch((cause: unknown) => cause)
      assert.ok(hasCode(error, 'DOCKERFILE_INVALID'), String(error))
      assert.match(error.message, why)
    })
  }
})
