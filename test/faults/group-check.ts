import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '@tsbuild/core'
import * as assert from 'uvu/assert'
import { until } from '../container-workspace.js'
import { type Lane, namesIn, processesOf } from './lane.js'
import { scenarios } from './scenarios/index.js'

/** What must hold after some kills: nothing is wrong, and after the usual clean-up nothing is left. */
export async function checkGroup(lane: Lane): Promise<void> {
  await lane.close()
  const engine = await lane.engine()
  for (const { tidy } of scenarios) await tidy?.(engine)
  await checkStore(engine)
  // What a dead session left is taken away before the next write: a build is one.
  const context = await lane.context(Number.MAX_SAFE_INTEGER)
  await engine.build({ context, noCache: true, tags: ['sweeper'] })
  await lane.removeContext(Number.MAX_SAFE_INTEGER)
  await lane.close()
  await until('the end of all processes', () => processesOf(lane.root).length === 0)
  assert.not.ok(readFileSync('/proc/self/mountinfo', 'utf8').includes(lane.root), 'no mount is left')
  assert.equal(await namesIn(lane.root, 'ingest'), [], 'no partial blob is left')
  assert.equal(await namesIn(lane.root, 'locks'), [], 'no lock is left')
  assert.equal(await namesIn(lane.root, 'containers'), [], 'no folder of a container is left')
  for (const session of await namesIn(lane.root, 'snapshots', '_active'))
    assert.equal(await namesIn(lane.root, 'snapshots', '_active', session), [], 'no active snapshot is left')
  const temporary = (await namesIn(lane.root)).filter((name) => name.endsWith('.tmp'))
  assert.equal(temporary, [], 'no temp file is left')
  const mounts = await namesIn(lane.root, 'cache-mounts')
  const isKnown = (name: string) => name.endsWith('.index') && mounts.includes(name.slice(0, -'.index'.length))
  assert.equal(
    mounts.filter((name) => name.includes('.') && !isKnown(name)),
    [],
    'no cache mount is left on its way in or out',
  )
  for (const name of await namesIn(lane.outputs)) {
    // The folder of an output is not ours to clean; what was not finished has a name that says so.
    assert.match(name, /^\.\d+\.tar\.[0-9a-f]{12}$/, 'an output that broke off')
    await rm(join(lane.outputs, name), { recursive: true })
  }
}

async function checkStore(engine: Engine): Promise<void> {
  const found = await engine.check({ deep: true, graceMs: 0 })
  const errors = found.findings.filter(({ severity }) => severity === 'error')
  assert.equal(errors, [], 'fsck is clean')
  await engine.check({ repair: true, graceMs: 0 })
  const { findings } = await engine.check({ graceMs: 0 })
  assert.equal(findings, [], 'fsck finds nothing after a repair')
}
