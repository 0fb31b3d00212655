import type { Container, Engine } from '@tsbuild/core'
import * as assert from 'uvu/assert'
import { until } from '../../container-workspace.js'
import { has, type Scenario } from '../scenario.js'

const find = async (engine: Engine, name: string) =>
  (await engine.containers.list({ all: true })).find((one) => one.name === name)

const removeIfThere = async (engine: Engine, name: string) => {
  if ((await find(engine, name)) !== undefined) await (await engine.containers.get(name)).remove({ force: true })
}

export const run: Scenario = {
  name: 'run',
  args: (_lane, round) => ['run', '--network', 'none', '--name', `c${round}`, 'bb', 'sh', '-c', 'echo x > /x'],
  async check(_lane, engine, round, run) {
    const name = `c${round}`
    if (run.code === 0) assert.is((await find(engine, name))?.exitCode, 0, 'the container that ran is there')
    await until('the end of the container', async () => (await find(engine, name))?.status !== 'running')
    await removeIfThere(engine, name)
    assert.is(await find(engine, name), undefined)
  },
}

export const removeContainer: Scenario = {
  name: 'rm',
  async prepare(_lane, engine, round) {
    await engine.containers.create({ image: 'bb', name: `r${round}`, command: ['true'] })
  },
  args: (_lane, round) => ['rm', `r${round}`],
  async check(_lane, engine, round, run) {
    if (run.code === 0) assert.is(await find(engine, `r${round}`), undefined)
    await removeIfThere(engine, `r${round}`)
    assert.is(await find(engine, `r${round}`), undefined)
  },
}

const kept = 'kept'

/** A container with something to commit, from one round to the next. */
async function keptContainer(engine: Engine): Promise<Container> {
  if ((await find(engine, kept)) !== undefined) return engine.containers.get(kept)
  const container = await engine.containers.create({ image: 'bb', name: kept, network: 'none', command: ['true'] })
  await container.exec(['sh', '-c', 'mkdir /kept && cp /bin/busybox /kept'], { check: true })
  return container
}

export const commit: Scenario = {
  name: 'commit',
  async prepare(_lane, engine) {
    await keptContainer(engine)
  },
  args: (_lane, round) => ['commit', kept, `committed:${round}`],
  async check(_lane, engine, round, run) {
    const layersOf = (name: string) => engine.images.inspect(name).config.rootfs.diff_ids
    if (run.code === 0) assert.ok(has(engine, 'committed'), 'the image is there')
    const container = await keptContainer(engine)
    const before = has(engine, 'committed') ? layersOf(`committed:${round}`) : undefined
    await container.commit({ name: `again:${round}` })
    const again = layersOf(`again:${round}`)
    if (before !== undefined) assert.equal(before, again, 'an image that has its name is whole')
    for (const name of ['again', 'committed']) if (has(engine, name)) await engine.images.remove(`${name}:${round}`)
  },
  async tidy(engine) {
    await removeIfThere(engine, kept)
  },
}
