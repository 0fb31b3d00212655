import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '@tsbuild/core'
import * as assert from 'uvu/assert'
import { until } from '../container-workspace.js'
import { type Lane, type Run, reproducible } from './lane.js'

/** Work that is killed: what must be there before, the command, and what must hold afterwards. */
export interface Scenario {
  readonly name: string
  prepare?(lane: Lane, engine: Engine, round: number): Promise<void>
  args(lane: Lane, round: number): Promise<readonly string[]>
  check(lane: Lane, engine: Engine, round: number, run: Run): Promise<void>
}

/** Names of steps that `--progress plain` has shown as done. */
function doneSteps(output: string): string[] {
  const names = new Map<string, string>()
  const done: string[] = []
  for (const line of output.split('\n')) {
    const [, id = '', text = ''] = /^#(\d+) (.*)$/.exec(line) ?? []
    if (!names.has(id)) names.set(id, text)
    else if (/^DONE\b/.test(text)) done.push(names.get(id) ?? '')
  }
  return done
}

/** The build goes on from what is there, and gives what a clean one gives. */
async function buildsAsIfNew(lane: Lane, engine: Engine, round: number, run: Run): Promise<void> {
  const context = await lane.context(round)
  const result = await engine.build({ ...reproducible, context, tags: [`built:${round}`] })
  const clean = await lane.clean(context)
  assert.is(result.imageDigest, clean.imageDigest, `the build after the kill of round ${round}`)
  const cached = new Set(result.steps.filter((step) => step.cached).map(({ name }) => name))
  const done = run.code === 0 ? result.steps.map(({ name }) => name) : doneSteps(run.output)
  for (const step of result.steps) {
    const wasDone = done.some((name) => name === step.name || name.endsWith(` ${step.name}`))
    assert.ok(
      !wasDone || cached.has(step.name),
      `"${step.name}" of round ${round} was done, and ran again\n${run.output}`,
    )
  }
  await rm(context, { recursive: true })
}

const build: Scenario = {
  name: 'build',
  args: async (lane, round) => ['build', '--progress', 'plain', '-t', `built:${round}`, await lane.context(round)],
  async check(lane, engine, round, run) {
    if (run.code === 0) assert.ok(engine.images.inspect(`built:${round}`).layers.length > 0)
    await buildsAsIfNew(lane, engine, round, run)
    // Keeps a root folder of ten thousand rounds small.
    await engine.images.remove(`built:${round}`)
  },
}

const exported: Scenario = {
  name: 'export',
  async args(lane, round) {
    const dest = join(lane.outputs, `${round}.tar`)
    return [
      'build',
      '--progress',
      'plain',
      '-t',
      `out:${round}`,
      '-o',
      `type=oci,dest=${dest}`,
      await lane.context(round),
    ]
  },
  async check(lane, engine, round, run) {
    const dest = join(lane.outputs, `${round}.tar`)
    if (run.code === 0) assert.ok(existsSync(dest), `${dest} was written`)
    // A file that has its name is whole.
    if (existsSync(dest)) {
      await engine.images.load(dest)
      await engine.images.remove(`out:${round}`)
    }
    await buildsAsIfNew(lane, engine, round, run)
    await engine.images.remove(`built:${round}`)
    await rm(dest, { force: true })
  },
}

/** An archive of an image that no build of the lane knows, made once. */
async function archive(lane: Lane): Promise<string> {
  const path = join(lane.path, 'given.tar')
  if (!existsSync(path)) await lane.cleanArchive(await lane.context(-1), 'given', path)
  return path
}

const has = (engine: Engine, name: string) => engine.images.list().some(({ repository }) => repository === name)

const load: Scenario = {
  name: 'load',
  async prepare(_lane, engine) {
    if (has(engine, 'given')) await engine.images.remove('given')
  },
  args: async (lane) => ['load', '-i', await archive(lane)],
  async check(lane, engine, _round, run) {
    if (run.code === 0) assert.ok(has(engine, 'given'), 'the loaded image is there')
    if (!has(engine, 'given')) await engine.images.load(await archive(lane))
    // Reads all of its blobs, and compares them with their digests.
    const copy = join(lane.outputs, 'copy.tar')
    await engine.images.save(['given'], copy)
    await rm(copy)
  },
}

const remove: Scenario = {
  name: 'rmi',
  async prepare(lane, engine) {
    if (!has(engine, 'given')) await engine.images.load(await archive(lane))
  },
  args: async () => ['rmi', 'given'],
  async check(lane, engine, round, run) {
    if (run.code === 0) assert.not.ok(has(engine, 'given'), 'the removed image is gone')
    await load.check(lane, engine, round, { ...run, code: null })
  },
}

const prune: Scenario = {
  name: 'prune',
  async prepare(lane, engine, round) {
    await engine.build({ ...reproducible, context: await lane.context(round), outputs: [{ type: 'image' }] })
    if (!has(engine, 'given')) await engine.images.load(await archive(lane))
  },
  args: async () => ['image', 'prune', '-f'],
  async check(lane, engine, round) {
    assert.ok(has(engine, 'bb'), 'an image that has a name stays')
    await load.check(lane, engine, round, { code: null, signal: null, output: '', ms: 0 })
    await buildsAsIfNew(lane, engine, round, { code: null, signal: null, output: '', ms: 0 })
    await engine.images.remove(`built:${round}`)
  },
}

const container: Scenario = {
  name: 'container',
  args: async (_lane, round) => ['run', '--network', 'none', '--name', `c${round}`, 'bb', 'sh', '-c', 'echo x > /x'],
  async check(_lane, engine, round, run) {
    const name = `c${round}`
    const find = async () => (await engine.containers.list({ all: true })).find((one) => one.name === name)
    if (run.code === 0) assert.is((await find())?.exitCode, 0, 'the container that ran is there')
    await until('the end of the container', async () => (await find())?.status !== 'running')
    if ((await find()) !== undefined) await (await engine.containers.get(name)).remove({ force: true })
    assert.is(await find(), undefined)
  },
}

export const scenarios: readonly Scenario[] = [build, exported, load, remove, prune, container]
