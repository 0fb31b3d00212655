import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { broken, buildsAsIfNew, has, haveGiven, haveNotGiven, readWhole, type Scenario } from '../scenario.js'
import { reproducible } from '../surroundings.js'

export const load: Scenario = {
  name: 'load',
  prepare: (_lane, engine) => haveNotGiven(engine),
  args: (lane) => ['load', '-i', lane.surroundings.given],
  async check(lane, engine, _round, run) {
    if (run.code === 0) assert.ok(has(engine, 'given'), 'the loaded image is there')
    await haveGiven(lane, engine)
    await readWhole(lane, engine, 'given')
  },
}

export const save: Scenario = {
  name: 'save',
  prepare: haveGiven,
  args: (lane, round) => ['save', '-o', join(lane.outputs, `${round}.tar`), 'given'],
  async check(lane, engine, round, run) {
    const dest = join(lane.outputs, `${round}.tar`)
    if (run.code === 0) assert.ok(existsSync(dest), `${dest} was written`)
    if (existsSync(dest)) await engine.images.load(dest)
    await rm(dest, { force: true })
  },
}

export const saveDirectory: Scenario = {
  name: 'save --format oci-dir',
  prepare: haveGiven,
  args: (lane, round) => ['save', '--format', 'oci-dir', '-o', join(lane.outputs, `${round}.tar`), 'given'],
  async check(lane, engine, round, run) {
    const dest = join(lane.outputs, `${round}.tar`)
    if (run.code === 0) assert.ok(existsSync(dest), `${dest} was written`)
    if (existsSync(dest)) await engine.images.load(dest)
    await rm(dest, { force: true, recursive: true })
  },
}

export const remove: Scenario = {
  name: 'rmi',
  prepare: haveGiven,
  args: () => ['rmi', 'given'],
  async check(lane, engine, round, run) {
    if (run.code === 0) assert.not.ok(has(engine, 'given'), 'the removed image is gone')
    await load.check(lane, engine, round, broken)
  },
}

export const pruneImages: Scenario = {
  name: 'image prune',
  async prepare(lane, engine, round) {
    await engine.build({ ...reproducible, context: await lane.context(round), outputs: [{ type: 'image' }] })
    await haveGiven(lane, engine)
  },
  args: () => ['image', 'prune', '-f'],
  async check(lane, engine, round) {
    assert.ok(has(engine, 'bb'), 'an image that has a name stays')
    await load.check(lane, engine, round, broken)
    await buildsAsIfNew(lane, engine, round, broken)
  },
}
