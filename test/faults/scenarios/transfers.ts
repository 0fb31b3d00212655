import * as assert from 'uvu/assert'
import type { Lane } from '../lane.js'
import { has, haveGiven, haveNotGiven, readWhole, type Scenario } from '../scenario.js'

const removeRemote = async (lane: Lane, engine: Parameters<NonNullable<Scenario['prepare']>>[1]) => {
  const { remote } = lane.surroundings
  await haveNotGiven(engine)
  if (has(engine, remote)) await engine.images.remove(remote)
}

export const pull: Scenario = {
  name: 'pull',
  prepare: removeRemote,
  args: (lane) => ['pull', lane.surroundings.remote],
  async check(lane, engine, _round, run) {
    const { remote } = lane.surroundings
    if (run.code === 0) assert.ok(has(engine, remote), 'the pulled image is there')
    await engine.images.pull(remote)
    await readWhole(lane, engine, remote)
  },
}

/** A pull that follows one that was killed: it sweeps, and goes on with what came. */
const secondPull = (name: string, point: string): Scenario => ({
  ...pull,
  name,
  async prepare(lane, engine) {
    await removeRemote(lane, engine)
    await lane.run(['pull', lane.surroundings.remote], { fault: `kill ${point}` })
  },
})

export const pullRest = secondPull('pull after a part of a layer', 'blob.publish.before 3')
export const pullAgain = secondPull('pull after a part of a snapshot', 'extract.write 1')

export const push: Scenario = {
  name: 'push',
  async prepare(lane, engine, round) {
    await haveGiven(lane, engine)
    await engine.images.tag('given', sent(lane, round))
  },
  args: (lane, round) => ['push', sent(lane, round)],
  async check(lane, engine, round, run) {
    const name = sent(lane, round)
    if (run.code !== 0) await engine.images.push(name)
    await engine.images.remove(name)
    await haveNotGiven(engine)
    await engine.images.pull(name)
    await readWhole(lane, engine, name)
    await engine.images.remove(name)
  },
}

/** A repository of its own, so that nothing of it is there. */
const sent = (lane: Lane, round: number) => `${lane.surroundings.registry}/sent-${round}-${lane.id}:1`
