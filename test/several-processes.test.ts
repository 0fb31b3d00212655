import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Engine, openEngine } from '@tsbuild/core'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type ContainerWorkspace, containerSkip, containerWorkspace, type Going, until } from './container-workspace.js'
import { processesOf } from './faults/lane.js'
import { cachedSteps, ranSteps } from './progress.js'

const options = { skip: containerSkip(), timeoutMs: 180_000 }
const step = '[2/3] RUN --mount=type=cache,id=gate,target=/gate'

/** A step that says in a cache mount that it runs, and goes on when it is told to. */
const dockerfile = `FROM bb
RUN --mount=type=cache,id=gate,target=/gate echo run >> /gate/runs && until [ -e /gate/go ]; do sleep 0.02; done && cat /proc/sys/kernel/random/uuid > /id
RUN test -s /id
`

/** The folder of the cache mount, as it is on the host. */
function gate(work: ContainerWorkspace): string | undefined {
  const caches = join(work.root, 'cache-mounts')
  const [name] = existsSync(caches) ? readdirSync(caches) : []
  return name === undefined ? undefined : join(caches, name)
}

/** How often the step was begun. */
function runs(work: ContainerWorkspace): number {
  const path = gate(work)
  if (path === undefined || !existsSync(join(path, 'runs'))) return 0
  return readFileSync(join(path, 'runs'), 'utf8').split('\n').length - 1
}

async function open(work: ContainerWorkspace): Promise<void> {
  await writeFile(join(gate(work)!, 'go'), '')
}

async function gated(): Promise<ContainerWorkspace> {
  const work = await containerWorkspace()
  await work.write({ '../gated': dockerfile })
  return work
}

const beginBuild = (work: ContainerWorkspace, tag: string): Going =>
  work.begin(['build', '--progress', 'plain', '-t', tag, '-f', join(work.path, 'gated'), work.context])

const imageId = (work: ContainerWorkspace, tag: string) => work.ok(['image', 'inspect', '-f', '{{.Id}}', tag])

const begins = (work: ContainerWorkspace, times = 1) => until(`begin ${times} of the step`, () => runs(work) === times)

/** A build that is in the step. */
async function buildInStep(work: ContainerWorkspace): Promise<Going> {
  const one = beginBuild(work, 'one')
  await begins(work)
  return one
}

/** A further build, which comes to the step that another one runs. */
async function buildBehind(work: ContainerWorkspace, tag: string): Promise<Going> {
  const going = beginBuild(work, tag)
  await going.shows('[1/3] FROM')
  return going
}

/** Nothing is wrong in the root folder, and nothing goes on in it. */
async function allWell(work: ContainerWorkspace): Promise<void> {
  await work.ok(['fsck', '--deep'])
  await until('the end of all processes', () => processesOf(work.root).length === 0)
  assert.not.ok(readFileSync('/proc/self/mountinfo', 'utf8').includes(work.root), 'no mount is left')
}

tests('several processes on one root', (test) => {
  test(
    'of two equal builds one runs the step, and the other waits and takes the result',
    async () => {
      await using work = await gated()
      const one = await buildInStep(work)
      const two = await buildBehind(work, 'two')
      await open(work)
      const [first, second] = await Promise.all([one.ended, two.ended])
      assert.is(first.code, 0, first.stderr)
      assert.is(second.code, 0, second.stderr)
      assert.is(runs(work), 1)
      assert.ok(ranSteps(first.stderr).some((name) => name.startsWith(step)))
      assert.ok(cachedSteps(second.stderr).some((name) => name.startsWith(step)))
      assert.is(await imageId(work, 'one'), await imageId(work, 'two'))
      await allWell(work)
    },
    options,
  )

  test(
    'a command and an embedding program share a step, whoever begins',
    async () => {
      await using work = await gated()
      const build = (engine: Engine) =>
        engine.build({ context: work.context, dockerfile: join(work.path, 'gated'), tags: ['program'] })
      {
        await using engine = await openEngine({ root: work.root })
        const inside = build(engine)
        await begins(work)
        const command = await buildBehind(work, 'command')
        await open(work)
        const [result, ended] = await Promise.all([inside, command.ended])
        assert.is(ended.code, 0, ended.stderr)
        assert.is(runs(work), 1)
        assert.is(result.configDigest, await imageId(work, 'command'))
      }
      await allWell(work)
    },
    options,
  )

  test(
    'kill -9 of the one that runs the step: the one that waits runs it',
    async () => {
      await using work = await gated()
      const one = await buildInStep(work)
      const two = await buildBehind(work, 'two')
      one.child.kill('SIGKILL')
      await one.ended
      await begins(work, 2)
      await open(work)
      const { code, stderr } = await two.ended
      assert.is(code, 0, stderr)
      assert.is(runs(work), 2)
      const three = await work.tsbuild(['build', '--progress', 'plain', '-f', join(work.path, 'gated'), work.context])
      assert.equal([three.code, ranSteps(three.stderr).filter((name) => name.includes('RUN'))], [0, []])
      await allWell(work)
    },
    options,
  )

  test(
    'kill -9 of the one that waits changes nothing for the others',
    async () => {
      await using work = await gated()
      const one = await buildInStep(work)
      const three = beginBuild(work, 'three')
      const two = await buildBehind(work, 'two')
      two.child.kill('SIGKILL')
      await two.ended
      await open(work)
      const ends = await Promise.all([one.ended, three.ended])
      for (const { code, stderr } of ends) assert.is(code, 0, stderr)
      assert.is(runs(work), 1)
      assert.is(await imageId(work, 'one'), await imageId(work, 'three'))
      await allWell(work)
    },
    options,
  )

  test(
    'removals during a build leave it what it works on',
    async () => {
      await using work = await gated()
      const one = await buildInStep(work)
      await work.ok(['rmi', '-f', 'bb'])
      await Promise.all([work.ok(['image', 'prune', '-af']), work.ok(['image', 'prune', '-af'])])
      await open(work)
      const { code, stderr } = await one.ended
      assert.is(code, 0, stderr)
      assert.is(await work.ok(['run', '--rm', '--network', 'none', 'one', 'wc', '-l', '/id']), '1 /id')
      await allWell(work)
    },
    options,
  )
})
