import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '@tsbuild/core'
import { tempDir } from '@tsbuild/testkit'
import { writeContext } from './context.js'
import type { Run, RunOptions } from './programs.js'
import type { Surroundings } from './surroundings.js'

/** A root folder in which commands are killed. */
export interface Lane extends AsyncDisposable {
  /** Unlike that of any other lane of this run. */
  readonly id: number
  readonly path: string
  readonly root: string
  readonly outputs: string
  readonly surroundings: Surroundings
  /** Writes the context of a round and returns its folder. */
  context(round: number, dockerfile?: string): Promise<string>
  /** Removes it. */
  removeContext(round: number): Promise<void>
  run(args: readonly string[], options?: RunOptions): Promise<Run>
  /** This process's own view of the root folder: it is open while others are killed. */
  engine(): Promise<Engine>
  /** Closes it; the next one is new. */
  close(): Promise<void>
}

let lastId = 0

export async function openLane(surroundings: Surroundings): Promise<Lane> {
  const dir = await tempDir('tsbuild-faults-')
  const root = join(dir.path, 'root')
  const outputs = join(dir.path, 'out')
  const contextOf = (round: number) => join(dir.path, 'contexts', String(round))
  let engine: Promise<Engine> | undefined
  const open = () => {
    engine ??= surroundings.openEngine(root)
    return engine
  }
  const close = async () => {
    const opened = engine
    engine = undefined
    await (await opened)?.[Symbol.asyncDispose]()
  }
  const dispose = async () => {
    await close()
    await dir[Symbol.asyncDispose]()
  }
  try {
    await mkdir(outputs)
    await (await open()).images.load(surroundings.base)
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    id: ++lastId,
    path: dir.path,
    root,
    outputs,
    surroundings,
    engine: open,
    close,
    async context(round, dockerfile) {
      await writeContext(contextOf(round), round, dockerfile)
      return contextOf(round)
    },
    removeContext: (round) => rm(contextOf(round), { recursive: true }),
    run: (args, options) => surroundings.programs.run(args, root, options),
    [Symbol.asyncDispose]: dispose,
  }
}

/** Processes other than this one that have the root folder among their arguments, as their root or in a mount: `<pid> <command>`. */
export function processesOf(root: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    const first = read(`/proc/${pid}/mountinfo`)
      .split('\n')
      .find((line) => line.split(' ')[4] === '/')
    const here = command.includes(root) || first?.includes(`${root}/`) === true
    return here && !/ [ZX] /.test(read(`/proc/${pid}/stat`).replace(/\(.*\)/s, '')) ? [`${pid} ${command}`] : []
  })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Names in a folder of the root, none where it is missing. */
export async function namesIn(...path: readonly string[]): Promise<string[]> {
  const directory = join(...path)
  return existsSync(directory) ? await readdir(directory) : []
}
