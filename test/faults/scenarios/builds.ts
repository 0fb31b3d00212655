import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Lane } from '../lane.js'
import { buildsAsIfNew, has, readWhole, type Scenario } from '../scenario.js'

const plain = ['build', '--progress', 'plain']

export const build: Scenario = {
  name: 'build',
  args: async (lane, round) => [...plain, '-t', `built:${round}`, await lane.context(round)],
  async check(lane, engine, round, run) {
    if (run.code === 0) assert.ok(engine.images.inspect(`built:${round}`).layers.length > 0)
    await buildsAsIfNew(lane, engine, round, run)
  },
}

export const buildArchive: Scenario = {
  name: 'build --output',
  args: async (lane, round) => [
    ...plain,
    '-o',
    `type=oci,name=out:${round},dest=${join(lane.outputs, `${round}.tar`)}`,
    await lane.context(round),
  ],
  async check(lane, engine, round, run) {
    const dest = join(lane.outputs, `${round}.tar`)
    if (run.code === 0) assert.ok(existsSync(dest), `${dest} was written`)
    // A file that has its name is whole.
    if (existsSync(dest)) {
      await engine.images.load(dest)
      await engine.images.remove(`out:${round}`)
    }
    await buildsAsIfNew(lane, engine, round, run)
    await rm(dest, { force: true })
  },
}

const partsOf = (lane: Lane, round: number) => `FROM bb
ADD ${lane.surroundings.url}/${round} /added
RUN --mount=type=cache,target=/c,mode=0755 echo ${round} >> /c/rounds && cp /c/rounds /rounds
COPY --from=bb /bin /copied
`

/** What no other scenario has: a download, a cache mount that is made anew, many files. */
export const buildParts: Scenario = {
  name: 'build --no-cache',
  async prepare(lane, engine) {
    // The folder that `--no-cache` puts aside; a prune may have taken it.
    const dockerfileText = 'FROM bb\nRUN --mount=type=cache,target=/c,mode=0755 true\n'
    await engine.build({ dockerfileText, context: lane.outputs, outputs: [{ type: 'cacheonly' }] })
  },
  args: async (lane, round) => [
    ...plain,
    '--no-cache',
    '-t',
    `parts:${round}`,
    await lane.context(round, partsOf(lane, round)),
  ],
  async check(lane, engine, round, run) {
    if (run.code === 0) assert.ok(has(engine, 'parts'), 'the image is there')
    const context = await lane.context(round, partsOf(lane, round))
    const result = await engine.build({ context, tags: [`parts:${round}`] })
    await readWhole(lane, engine, `parts:${round}`)
    if (run.code === 0) for (const { name, cached } of result.steps) assert.ok(cached, `"${name}" ran again`)
    await engine.images.remove(`parts:${round}`)
    await lane.removeContext(round)
  },
}
