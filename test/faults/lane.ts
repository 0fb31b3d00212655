import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildResult, type Engine, openEngine } from '@tsbuild/core'
import { busyboxRootfs, tempDir } from '@tsbuild/testkit'

const program = fileURLToPath(new URL('../../../packages/cli/bin/tsbuild.js', import.meta.url))
const workerDir = fileURLToPath(new URL('../../../packages/cli/dist/bundle', import.meta.url))

/** How a command ended that may have been killed. */
export interface Run {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  readonly ms: number
}

export interface RunOptions {
  /** What `TSBUILD_FAULT` says. */
  readonly fault?: string
  /** Kill it after so many milliseconds. */
  readonly killAfterMs?: number
}

/** A root folder in which commands are killed, and one beside it in which nothing ever is. */
export interface Lane extends AsyncDisposable {
  readonly path: string
  readonly root: string
  readonly outputs: string
  /** Writes the context of a round and returns its folder; each has content that no other has. */
  context(round: number): Promise<string>
  run(args: readonly string[], options?: RunOptions): Promise<Run>
  /** This process's own view of the root folder: it is open while others are killed. */
  engine(): Promise<Engine>
  /** Closes it; the next one is new. */
  close(): Promise<void>
  /** Builds a context without ever having been killed. */
  clean(context: string): Promise<BuildResult>
  /** Writes such a build's image into an archive. */
  cleanArchive(context: string, name: string, path: string): Promise<void>
}

export async function openLane(): Promise<Lane> {
  const dir = await tempDir('tsbuild-faults-')
  const root = join(dir.path, 'root')
  const outputs = join(dir.path, 'out')
  const base = join(dir.path, 'bb')
  await mkdir(outputs)
  await mkdir(base)
  await busyboxRootfs(base)
  const open = (at = root) => openEngine({ root: at, workerDir })
  const reference = await open(join(dir.path, 'reference'))
  try {
    const from = 'FROM scratch\nCOPY . /\nENV PATH=/bin:/usr/bin\n'
    await reference.build({ context: base, dockerfileText: from, tags: ['bb'] })
    await reference.images.save(['bb'], join(dir.path, 'bb.tar'))
    await using engine = await open()
    await engine.images.load(join(dir.path, 'bb.tar'))
  } catch (error) {
    await reference[Symbol.asyncDispose]()
    await dir[Symbol.asyncDispose]()
    throw error
  }
  let engine: Promise<Engine> | undefined
  const close = async () => {
    const opened = engine
    engine = undefined
    await (await opened)?.[Symbol.asyncDispose]()
  }
  return {
    path: dir.path,
    root,
    outputs,
    engine() {
      engine ??= open()
      return engine
    },
    close,
    async context(round) {
      const path = join(dir.path, 'contexts', String(round))
      await mkdir(join(path, 'sub'), { recursive: true })
      await writeFile(join(path, 'Dockerfile'), dockerfile(round))
      await writeFile(join(path, 'file'), `file of ${round}\n`)
      await writeFile(join(path, 'sub/large'), Buffer.alloc(200_000, `${round} `))
      return path
    },
    run: (args, options = {}) => runProgram(args, root, options),
    clean: (context) => reference.build({ ...reproducible, context, tags: ['clean'] }),
    async cleanArchive(context, name, path) {
      await reference.build({ ...reproducible, context, tags: [name] })
      await reference.images.save([name], path)
    },
    async [Symbol.asyncDispose]() {
      await close()
      await reference[Symbol.asyncDispose]()
      await dir[Symbol.asyncDispose]()
    },
  }
}

/** Options with which equal content gives equal digests. */
export const reproducible = { sourceDateEpoch: 1_700_000_000, rewriteTimestamp: true } as const

const dockerfile = (round: number) =>
  `FROM bb\nRUN mkdir /made && echo ${round} > /made/round\nCOPY file /file\nCOPY sub /sub\nENV ROUND=${round}\n`

function runProgram(args: readonly string[], root: string, { fault, killAfterMs }: RunOptions): Promise<Run> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const env = { ...process.env, TSBUILD_ROOT: root, NO_COLOR: '1', ...(fault && { TSBUILD_FAULT: fault }) }
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    child.once('error', reject)
    // Not `close`: a container's processes may hold the pipes for longer.
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      const ms = performance.now() - began
      setImmediate(() => resolve({ code, signal, output, ms }))
    })
  })
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
