import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '@tsbuild/core'
import * as assert from 'uvu/assert'
import type { Lane } from './lane.js'
import type { Run } from './programs.js'
import { reproducible } from './surroundings.js'

/** Work that is killed: what must be there before, the command, and what must hold afterwards. */
export interface Scenario {
  readonly name: string
  prepare?(lane: Lane, engine: Engine, round: number): Promise<void>
  args(lane: Lane, round: number): readonly string[] | Promise<readonly string[]>
  /** Looks at the root folder after the command, however that ended, and leaves in it nothing of this round. */
  check(lane: Lane, engine: Engine, round: number, run: Run): Promise<void>
  /** Removes what it keeps from one round to the next, before the root folder is looked at as a whole. */
  tidy?(engine: Engine): Promise<void>
}

/** For checks in which no step counts as done. */
export const broken: Run = { code: null, signal: null, output: '', ms: 0 }

export const has = (engine: Engine, name: string): boolean =>
  engine.images.list().some(({ repository }) => repository === name)

export async function haveGiven(lane: Lane, engine: Engine): Promise<void> {
  if (!has(engine, 'given')) await engine.images.load(lane.surroundings.given)
}

export async function haveNotGiven(engine: Engine): Promise<void> {
  if (has(engine, 'given')) await engine.images.remove('given')
}

/** Reads all blobs of an image, and compares them with their digests. */
export async function readWhole(lane: Lane, engine: Engine, image: string): Promise<void> {
  const copy = join(lane.outputs, 'copy.tar')
  await engine.images.save([image], copy)
  await rm(copy)
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

/** The build goes on from what is there, steps that were told as done are hits, and it gives what a clean one gives. */
export async function buildsAsIfNew(lane: Lane, engine: Engine, round: number, run: Run): Promise<void> {
  const context = await lane.context(round)
  const [result, clean] = await Promise.all([
    engine.build({ ...reproducible, context, tags: [`built:${round}`] }),
    lane.surroundings.clean(context),
  ])
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
  // Keeps a root folder of ten thousand rounds small.
  await engine.images.remove(`built:${round}`)
  await lane.removeContext(round)
}
