import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { baseRegistryProblem, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { cachedSteps, rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip = rootSkip() ?? baseRegistryProblem()

/** Processes whose command line has `marker`, so that two tests never see each other's. */
function processesOf(marker: string): string[] {
  const found = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
  return found
    .split('\n')
    .filter((line) => line.includes(marker) && !line.includes('ps -eo') && !line.includes('tsbuild.js'))
}

async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (await check()) return
    await sleep(50)
  }
  throw new Error(`${what} did not happen within 10 s`)
}

async function nothingLeft(work: Workspace, marker: string): Promise<void> {
  await until('the end of the step', () => processesOf(marker).length === 0)
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  assert.not.ok(mounts.includes(work.root), 'a mount is left')
  const sessions = await readdir(join(work.root, 'snapshots', '_active')).catch(() => [])
  for (const session of sessions)
    assert.equal(await readdir(join(work.root, 'snapshots', '_active', session)), [], 'an active snapshot is left')
}

tests('interrupted builds', (test) => {
  test(
    'Ctrl-C ends the running step, exits with 130 and leaves nothing',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const marker = `4${process.pid}1`
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN echo first\nRUN echo going; sleep ${marker}\n`,
      })
      const ended = await work.tsbuild(['build', '--progress', 'plain', work.context], {
        onStderr: (text, child) => {
          if (/\d going/.test(text)) child.kill('SIGINT')
        },
      })
      assert.is(ended.code, 130, ended.stderr)
      await nothingLeft(work, marker)
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN echo first\nRUN echo going\n` })
      const again = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(again.code, 0, again.stderr)
      assert.is(cachedSteps(again.stderr).length, 2)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'a second Ctrl-C ends at once, and the next build cleans up',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const marker = `4${process.pid}2`
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN trap '' TERM INT; echo going; sleep ${marker}\n`,
      })
      const ended = await work.tsbuild(['build', '--progress', 'plain', work.context], {
        onStderr: (text, child) => {
          if (!/\d going/.test(text)) return
          child.kill('SIGINT')
          setTimeout(() => child.kill('SIGINT'), 100)
        },
      })
      assert.is(ended.code, 130, ended.stderr)
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN echo fine\n` })
      await work.ok(['build', work.context])
      await nothingLeft(work, marker)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'kill -9 in the middle of a RUN: the next build ends its processes and works',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const marker = `4${process.pid}3`
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN echo first\nRUN echo going; sleep ${marker}\n`,
      })
      const ended = await work.tsbuild(['build', '--progress', 'plain', work.context], {
        onStderr: (text, child) => {
          if (/\d going/.test(text)) child.kill('SIGKILL')
        },
      })
      assert.is(ended.signal, 'SIGKILL')
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN echo first\nRUN echo second\n` })
      const again = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(again.code, 0, again.stderr)
      assert.is(cachedSteps(again.stderr).length, 2)
      await nothingLeft(work, marker)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'kill -9 at any moment of a build: the same command works afterwards',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\n${'RUN echo x >> /log\nCOPY . /src\n'.repeat(5)}`,
      })
      for (let n = 0; n < 200; n++) await work.write({ [`f${n}`]: 'x'.repeat(n) })
      for (const delay of [150, 250, 350, 450, 600, 800, 1000]) {
        await work.tsbuild(['build', '-t', 'x', work.context], {
          onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), delay),
        })
      }
      const { code, stderr } = await work.tsbuild(['build', '-t', 'x', work.context])
      assert.is(code, 0, stderr)
      await nothingLeft(work, work.context)
      assert.equal(await readdir(join(work.root, 'ingest')), [])
    },
    { skip, timeoutMs: 120_000 },
  )

  test(
    'two builds at once on one root share what they make',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN sleep 1; cat /proc/sys/kernel/random/uuid > /id\nRUN cat /id\n`,
      })
      const [one, two] = await Promise.all([
        work.tsbuild(['build', '-q', '-t', 'one', work.context]),
        work.tsbuild(['build', '-q', '-t', 'two', work.context]),
      ])
      assert.is(one.code, 0, one.stderr)
      assert.is(two.code, 0, two.stderr)
      assert.is(one.stdout, two.stdout)
    },
    { skip, timeoutMs: 60_000 },
  )
})
