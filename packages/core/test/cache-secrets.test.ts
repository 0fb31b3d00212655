import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { BuildOptions } from '@tsbuild/core'
import type { Digest } from '@tsbuild/spec'
import { busyboxRootfs, findProgram, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { RecordConcealer } from '../dist/cache/transfer/concealer.js'
import { type OpenRoot, openRoot, skip as rootSkip } from './images-support.js'
import { MemoryCacheBackend } from './memory-cache-backend.js'

const skip = rootSkip ?? (findProgram('busybox') === undefined ? 'busybox is not installed' : undefined)
const options = { skip, timeoutMs: 60_000 }

const secrets = { TOKEN: 'tok-5f3c', PEM: 'first line of it\nsecond line of it' }
const inUrl = ['hunter2', 'signed-by-me']

const dockerfile = (host: string) => `FROM scratch AS build
COPY bin /bin
ARG TOKEN PEM VERSION
ENV AUTH="Bearer $TOKEN" MODE=fast
RUN --mount=type=cache,id=id-$TOKEN,target=/c echo "$TOKEN" "$PEM" https://me:hunter2@host/ > /out; echo > /c/f
WORKDIR /at/$TOKEN
COPY $TOKEN /moved
ADD http://user:hunter2@${host}/f?signature=signed-by-me /f
ADD http://user:hunter2@${host}/f?signature=signed-by-me-too http://user:hunter2@${host}/g?t=$TOKEN /fs/
USER $TOKEN
WORKDIR /last
FROM scratch
COPY --from=build /f /f
RUN --mount=type=bind,from=build,target=/at/${secrets.TOKEN} ["/at/${secrets.TOKEN}/bin/busybox", "true"]
`

/** Roots that have a context and a server in common. */
async function machines() {
  const server = createServer((_, response) => response.end('a file'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const first = await openRoot({ gc: false })
  const context = join(first.path, 'context')
  await busyboxRootfs(context)
  await writeFile(join(context, secrets.TOKEN), 'moved')
  const text = dockerfile(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  const build = async ({ engine }: OpenRoot, more: BuildOptions = {}) => {
    const { buildArgs, ...rest } = more
    const result = await engine.build({
      context,
      dockerfileText: text,
      outputs: [],
      buildArgs: { ...secrets, VERSION: '1.2', ...buildArgs },
      ...rest,
    })
    return { result, why: result.steps.flatMap(({ name, why }) => (why === undefined ? [] : [[name, why] as const])) }
  }
  const dispose = async () => {
    await first[Symbol.asyncDispose]()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { first, context, text, build, [Symbol.asyncDispose]: dispose }
}

const toldIn = (text: string) =>
  [...Object.values(secrets).flatMap((value) => value.split('\n')), ...inUrl].filter((value) => text.includes(value))

const texts: [text: string, shown: string][] = [
  ['COPY a b', 'COPY a b'],
  ['ADD http://user:pw@host/f /', 'ADD http://***@host/f /'],
  ['ADD HTTPS://token@host:80/f /', 'ADD HTTPS://***@host:80/f /'],
  ['ADD http://user:p@w:d@host/f /', 'ADD http://***@host/f /'],
  ['ADD ssh://git@host/a.git /', 'ADD ssh://git@host/a.git /'],
  ['ADD ssh://git:pw@host/a.git /', 'ADD ssh://git:***@host/a.git /'],
  ['ADD http://host:80/@f /', 'ADD http://host:80/@f /'],
  ['ADD http://host/f?sign=a&b#part /', 'ADD http://host/f?***#part /'],
  ['RUN get "http://a/?x=1" && get http://u:v@b', 'RUN get "http://a/?***" && get http://***@b'],
  ['FROM base@sha256:abc', 'FROM base@sha256:abc'],
  ['RUN echo secret-long secret se', 'RUN echo *** *** se'],
  ['RUN echo one-line two-line', 'RUN echo *** ***'],
]

tests('what caches elsewhere do not tell', (test) => {
  for (const [text, shown] of texts) {
    test(`concealText() makes ${shown}, and leaves that as it is`, () => {
      const concealer = new RecordConcealer(['se', 'secret', 'secret-long', '  ', 'one-line\ntwo-line\n'])
      assert.is(concealer.concealText(text), shown)
      assert.is(concealer.concealText(shown), shown)
    })
  }

  test('conceal() keeps names of inputs different, and digests of files', () => {
    const digest = `sha256:${'5ec'.repeat(21)}5`
    const concealer = new RecordConcealer(['aaa', 'bbb', '5ec'])
    const inputs = ['COPY aaa', 'COPY bbb', 'COPY ***'].map((name) => ({ name, value: digest }))
    const record = { key: digest as Digest, step: 's', kind: 'copy', inputs, madeOn: [], resultId: '', value: null }
    const concealed = concealer.conceal({ ...record, createdAt: 0, durationMs: 0, sizeBytes: 0 })
    assert.equal(concealed.inputs, [
      { name: 'COPY ***', value: digest },
      { name: 'COPY ******', value: digest },
      { name: 'COPY *********', value: digest },
    ])
    assert.equal(concealer.conceal(concealed), concealed)
  })

  for (const mode of ['min', 'max'] as const) {
    test(
      `build() exports no value of an argument, no environment and no credentials, mode ${mode}`,
      async () => {
        await using all = await machines()
        await using second = await openRoot({ gc: false })
        const backend = new MemoryCacheBackend()
        const made = await all.build(all.first, { cacheTo: [{ type: 'custom', backend, mode }], cacheMounts: true })
        const record = Buffer.from(backend.record ?? []).toString()
        assert.equal(toldIn(record), [])
        assert.not.match(record, /fast|Bearer/)
        assert.match(record, /"id":"id-\*\*\*"/)
        assert.match(record, /echo \\"\*\*\*\\"/)
        // Here they are.
        assert.match(made.result.steps.map(({ name }) => name).join('\n'), /echo "tok-5f3c"/)
        assert.equal((await all.build(all.first)).why, [])
        // They are found all the same, and travel on unchanged.
        const taken = await all.build(second, {
          cacheFrom: [{ type: 'custom', backend }],
          cacheTo: [{ type: 'custom', backend, mode }],
          cacheMounts: true,
        })
        assert.equal(taken.why, [])
        assert.equal(
          taken.result.warnings.filter(({ rule }) => rule === undefined),
          [],
        )
        assert.is(Buffer.from(backend.record ?? []).toString(), record)
      },
      options,
    )
  }

  test(
    'build() explains against what is concealed, also where that has become its own',
    async () => {
      await using all = await machines()
      await using second = await openRoot({ gc: false })
      await using third = await openRoot({ gc: false })
      const backend = new MemoryCacheBackend()
      await all.build(all.first, { cacheTo: [{ type: 'custom', backend, mode: 'max' }] })
      const taken = await all.build(third, {
        cacheFrom: [{ type: 'custom', backend }],
        target: 'build',
        outputs: [{ type: 'local', dest: join(third.path, 'files') }],
      })
      assert.equal(taken.why, [])
      const cases: [changes: BuildOptions, step: string, why: string][] = [
        [{ buildArgs: { VERSION: '1.3' } }, 'RUN', 'build arg VERSION: changed to 1.3'],
        [
          { buildArgs: { TOKEN: 'tok-5f3c' }, dockerfileText: all.text.replace('fast', 'slow') },
          'RUN',
          'env MODE: changed to slow',
        ],
        [{ dockerfileText: all.text.replace(' MODE=fast', '') }, 'RUN', 'env MODE removed'],
        [{ dockerfileText: all.text.replace('MODE=fast', 'MODE=fast MORE=1') }, 'RUN', 'env MORE added: 1'],
        [
          { dockerfileText: all.text.replace('echo "$TOKEN"', 'echo again') },
          'RUN',
          'instruction RUN --mount=type=cache,id=id-***,target=/c echo "***" "***" https://***@host/ > /out; echo > /c/f → RUN --mount=type=cache,id=id-tok-5f3c,target=/c echo again "first line of it\nsecond line of it" https://me:hunter2@host/ > /out; echo > /c/f',
        ],
        [
          { dockerfileText: all.text.replace('COPY $TOKEN /moved', 'COPY $TOKEN /other') },
          'COPY tok-5f3c',
          'destination: /moved → /other',
        ],
        [
          { dockerfileText: all.text.replace('COPY $TOKEN', 'COPY --chmod=600 $TOKEN') },
          'COPY --chmod',
          'chmod: "" → 600',
        ],
      ]
      for (const [changes, step, why] of cases) {
        const more = { ...changes, target: 'build' }
        const own = await all.first.engine.plan({
          context: all.context,
          dockerfileText: all.text,
          ...more,
          buildArgs: { ...secrets, VERSION: '1.2', ...changes.buildArgs },
        })
        assert.ok(own.misses > 0)
        for (const [root, from] of [
          [second, { cacheFrom: [{ type: 'custom', backend }] }],
          [third, {}],
        ] as const) {
          const planned = await root.engine.plan({
            context: all.context,
            dockerfileText: all.text,
            ...more,
            ...from,
            buildArgs: { ...secrets, VERSION: '1.2', ...changes.buildArgs },
          })
          const first = planned.steps.find(({ name, outcome }) => outcome === 'miss' && name.includes(step))
          assert.is(first?.why, why)
        }
      }
    },
    options,
  )

  test(
    'build() leaves nothing of other stages in the image that carries its cache',
    async () => {
      await using all = await machines()
      const made = await all.build(all.first, {
        tags: ['app'],
        outputs: [{ type: 'image' }],
        cacheTo: [{ type: 'inline' }],
      })
      const inline = made.result.config?.['tsbuild.cache.v1'] as {
        readonly records: readonly {
          readonly kind: string
          readonly name?: string
          readonly inputs: readonly object[]
        }[]
        readonly layers: readonly object[]
      }
      const text = JSON.stringify(inline)
      assert.equal(toldIn(text), [])
      assert.equal(
        inline.records.flatMap(({ name }) => name ?? []).map((name) => name.replace(/^\[[^\]]*\] /, '')),
        ['COPY --from=build /f /f', 'RUN --mount=type=bind,from=build,target=/at/*** ["/at/***/bin/busybox", "true"]'],
      )
      assert.is(inline.layers.length, 2)
      assert.ok(inline.records.length > 6)
      for (const { name, inputs } of inline.records) assert.is(inputs.length > 0, name !== undefined)
    },
    options,
  )
})
