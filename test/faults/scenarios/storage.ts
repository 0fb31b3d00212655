import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { broken, buildsAsIfNew, has, type Scenario } from '../scenario.js'
import { reproducible } from '../surroundings.js'

export const pruneCache: Scenario = {
  name: 'prune',
  async prepare(lane, engine, round) {
    const context = await lane.context(round)
    await engine.build({ ...reproducible, context, tags: [`built:${round}`] })
    await engine.build({ ...reproducible, context, noCache: true, outputs: [{ type: 'image' }] })
    await engine.images.remove(`built:${round}`)
  },
  args: () => ['prune', '-af'],
  async check(lane, engine, round, run) {
    if (run.code === 0) {
      const left = (await engine.cache.list({ type: 'regular' })).filter(({ inUse }) => !inUse)
      assert.equal(left, [], 'nothing is left of the cache')
    }
    assert.ok(has(engine, 'bb'), 'images stay')
    await buildsAsIfNew(lane, engine, round, broken)
  },
}

export const repair: Scenario = {
  name: 'fsck --repair',
  async prepare(lane) {
    // Something to mend: what kills leave.
    for (const point of ['blob.publish.after 2', 'snapshot.publish.after 1'])
      await lane.run(['load', '-i', lane.surroundings.given], { fault: `kill ${point}` })
  },
  args: () => ['fsck', '--repair'],
  async check(_lane, engine, _round, run) {
    if (run.code === 0) assert.ok((await engine.check()).clean)
    assert.ok(has(engine, 'bb'))
  },
}

/** The first command in a root folder that is not there yet. */
export const newRoot: Scenario = {
  name: 'new root',
  args: (lane, round) => ['load', '--root', join(lane.path, `new-${round}`), '-i', lane.surroundings.base],
  async check(lane, _engine, round, run) {
    const root = join(lane.path, `new-${round}`)
    {
      await using engine = await lane.surroundings.openEngine(root)
      if (run.code === 0) assert.ok(has(engine, 'bb'), 'the image is there')
      await engine.images.load(lane.surroundings.base)
      const { findings } = await engine.check({ deep: true, graceMs: 0 })
      const errors = findings.filter(({ severity }) => severity === 'error')
      assert.equal(errors, [], 'fsck is clean')
    }
    await rm(root, { recursive: true })
  },
}
