import { BuildError, openEngine } from '@tsbuild/core'
import type { BuildEvent } from '@tsbuild/spec'
import { baseRegistryProblem, isSmooth, loopDelays, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const skip = rootSkip() ?? baseRegistryProblem()

tests('@tsbuild/core', (test) => {
  test(
    'build() streams typed events and returns what each step did',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN echo hello; echo there >&2\nCOPY f /f\n`,
        f: 'x',
      })
      await using engine = await openEngine({ root: work.root })
      const events: BuildEvent[] = []
      const result = await engine.build({
        context: work.context,
        tags: ['lib'],
        onEvent: (event) => events.push(event),
      })
      assert.match(result.imageDigest ?? '', /^sha256:/)
      assert.match(result.configDigest ?? '', /^sha256:/)
      assert.equal(result.names, ['docker.io/library/lib:latest'])
      assert.equal(
        result.steps.map(({ cached }) => cached),
        [false, false, false],
      )
      assert.is(result.steps[1]?.source?.startLine, 2)
      const log = events.flatMap((event) =>
        event.kind === 'log' ? [`${event.stream}:${Buffer.from(event.data).toString()}`] : [],
      )
      assert.equal(log.sort(), ['stderr:there\n', 'stdout:hello\n'])
      const again = await engine.build({ context: work.context, tags: ['lib'] })
      assert.equal(
        again.steps.map(({ cached }) => cached),
        [true, true, true],
      )
      assert.is(again.imageDigest, result.imageDigest)
      assert.is(engine.images.history('lib')[0]?.created_by, 'COPY f /f # buildkit')
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'build() rejects with BuildError, and with the reason when it is cancelled',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await using engine = await openEngine({ root: work.root })
      const failing = `FROM ${registry.images.busybox}\nRUN echo oh no; exit 3\n`
      const error = await engine.build({ context: work.context, dockerfileText: failing }).then(
        () => assert.unreachable(),
        (reason: unknown) => reason,
      )
      assert.instance(error, BuildError)
      assert.is((error as BuildError).exitCode, 3)
      assert.is((error as BuildError).output, 'oh no\n')
      assert.is((error as BuildError).source?.startLine, 2)
      const abort = new AbortController()
      const reason = new Error('enough')
      const slow = engine.build({
        context: work.context,
        dockerfileText: `FROM ${registry.images.busybox}\nRUN echo up; sleep 100\n`,
        signal: abort.signal,
        onEvent: (event) => event.kind === 'log' && abort.abort(reason),
      })
      assert.is(
        await slow.then(
          () => undefined,
          (thrown: unknown) => thrown,
        ),
        reason,
      )
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    "build() leaves the caller's event loop alone",
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const files: Record<string, string> = {}
      for (let n = 0; n < 3000; n++) files[`d${n % 30}/f${n}`] = `${n}\n`.repeat(500)
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nCOPY . /src\nRUN cp -r /src /copy\n`, ...files })
      await using engine = await openEngine({ root: work.root })
      await engine.build({ context: work.context, dockerfileText: `FROM ${registry.images.busybox}\nRUN true\n` })
      const measured = await loopDelays(() => engine.build({ context: work.context, tags: ['x'], noCache: true }))
      assert.ok(measured.some(isSmooth), `p99 in ms: ${JSON.stringify(measured)}`)
    },
    { skip, timeoutMs: 90_000 },
  )
})
