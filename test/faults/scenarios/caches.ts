import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildOptions, BuildResult, Engine } from '@tsbuild/core'
import type { Descriptor, ImageIndex, ImageManifest } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import type { Lane } from '../lane.js'
import type { Scenario } from '../scenario.js'

const plain = ['build', '--progress', 'plain']

const withMount = (round: number) => `FROM bb
COPY sub /sub
RUN --mount=type=cache,id=sent,target=/c cp /sub/large /c/large-${round} && ls /c > /list
`

const folderOf = (lane: Lane) => join(lane.path, 'cache')

/** All that the index of an OCI layout leads to is there, with the digests that it says. */
function checkLayout(folder: string): void {
  const read = ({ digest, size }: Descriptor): Buffer => {
    const bytes = readFileSync(join(folder, 'blobs', digest.replace(':', '/')))
    assert.is(bytes.length, size, digest)
    assert.is(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, digest)
    return bytes
  }
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as ImageIndex
  for (const one of index.manifests) {
    const { config, layers } = JSON.parse(read(one).toString('utf8')) as ImageManifest
    for (const blob of [config, ...layers]) read(blob)
  }
}

/** The build that the command does, with caches elsewhere, by the library. It has nothing to tell of them. */
async function builds(engine: Engine, options: BuildOptions): Promise<BuildResult> {
  const result = await engine.build({ cacheMounts: true, outputs: [{ type: 'cacheonly' }], ...options })
  assert.equal(result.warnings, [])
  return result
}

export const exportCache: Scenario = {
  name: 'build --cache-to',
  args: async (lane, round) => [
    ...plain,
    '-o',
    'type=cacheonly',
    '--cache-mounts',
    '--cache-to',
    `type=local,dest=${folderOf(lane)},mode=max,required`,
    await lane.context(round, withMount(round)),
  ],
  async check(lane, engine, round, run) {
    const folder = folderOf(lane)
    if (run.code === 0) assert.ok(existsSync(join(folder, 'index.json')), 'the cache was exported')
    if (existsSync(join(folder, 'index.json'))) checkLayout(folder)
    const context = await lane.context(round, withMount(round))
    const result = await builds(engine, {
      context,
      cacheFrom: [{ type: 'local', src: folder }],
      cacheTo: [{ type: 'local', dest: folder, mode: 'max', required: true }],
    })
    if (run.code === 0) assert.equal(result.cacheExports[0]?.sentBlobs, 0, 'all was there')
    checkLayout(folder)
    await lane.removeContext(round)
  },
}

/** A further step needs the files of those that the cache has, and uses what the cache mount has. That one may be empty: where the disk fails,
 * the build goes on without. */
const onImported = (lane: Lane, round: number) => `${lane.surroundings.cache.dockerfile}
RUN --mount=type=cache,id=brought,target=/c { [ ! -e /c/large ] || cmp /c/large /sub/large; } && echo ${round} > /round
`

export const importCache: Scenario = {
  name: 'build --cache-from',
  args: async (lane, round) => [
    ...plain,
    '-t',
    `imported:${round}`,
    '--cache-mounts',
    '--cache-from',
    `type=local,src=${lane.surroundings.cache.folder}`,
    ...['-f', join(await lane.context(round, onImported(lane, round)), 'Dockerfile')],
    lane.surroundings.cache.context,
  ],
  async check(lane, engine, round) {
    const { context, folder } = lane.surroundings.cache
    const result = await builds(engine, {
      context,
      dockerfileText: onImported(lane, round),
      cacheFrom: [{ type: 'local', src: folder }],
      outputs: [{ type: 'image' }],
      tags: [`imported:${round}`],
    })
    const cached = result.steps.map((step) => step.cached)
    assert.equal(cached.slice(0, -1), [true, true, true], 'the steps of the cache were taken from there')
    // So that the next round fetches again.
    await engine.images.remove(`imported:${round}`)
    await engine.cache.prune({ all: true })
    await lane.removeContext(round)
  },
}
