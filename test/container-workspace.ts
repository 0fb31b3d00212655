import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { busyboxRootfs, findProgram } from '@tsbuild/testkit'
import { rootSkip } from './progress.js'
import { type Ended, type Workspace, workspace } from './workspace.js'

export const program = fileURLToPath(new URL('../../packages/cli/bin/tsbuild.js', import.meta.url))

/** Why containers can't be tested here. */
export function containerSkip(): string | undefined {
  return rootSkip() ?? (findProgram('busybox') === undefined ? 'busybox is not installed' : undefined)
}

/** A `tsbuild` that goes on while the test looks at it. */
export interface Going {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when its output has `text`, with all output so far. */
  shows(text: string): Promise<string>
}

/** A workspace with the image `bb`: busybox, a shell by default. Disposing it removes all containers, and what is left of them. */
export interface ContainerWorkspace extends Workspace {
  /** Starts `COMMAND` and goes on. */
  spawn(command: readonly string[]): Going
  /** Starts `tsbuild ARGS` and goes on. */
  begin(args: readonly string[]): Going
  /** A member of `inspect`, by a template. */
  inspect(name: string, template: string): Promise<string>
  /** Ids of the monitors of this root folder. */
  monitors(): number[]
}

export async function containerWorkspace(): Promise<ContainerWorkspace> {
  const work = await workspace()
  try {
    await busyboxRootfs(work.context)
    const dockerfile = join(work.path, 'Dockerfile')
    await writeFile(dockerfile, 'FROM scratch\nCOPY . /\nENV FROM_IMAGE=yes\nCMD ["sh"]\n')
    await work.ok(['build', '-q', '-t', 'bb', '-f', dockerfile, work.context])
  } catch (error) {
    await work[Symbol.asyncDispose]()
    throw error
  }
  const going = new Set<ChildProcess>()
  const begin = (command: readonly string[]) => {
    const started = start(command, work.root)
    going.add(started.child)
    void started.ended.finally(() => going.delete(started.child))
    return started
  }
  return {
    ...work,
    spawn: begin,
    begin: (args) => begin([process.execPath, program, ...args]),
    inspect: (name, template) => work.ok(['container', 'inspect', '-f', template, name]),
    monitors: () => monitorsOf(work.root),
    async [Symbol.asyncDispose]() {
      for (const child of going) child.kill('SIGKILL')
      const ids = (await work.tsbuild(['ps', '-aq'])).stdout.split('\n').filter((id) => id !== '')
      if (ids.length > 0) await work.tsbuild(['rm', '-f', ...ids])
      await until('the end of the monitors', () => {
        const left = monitorsOf(work.root)
        for (const pid of left) kill(pid)
        return left.length === 0
      })
      await work[Symbol.asyncDispose]()
    },
  }
}

function start([file = '', ...args]: readonly string[], root: string): Going {
  const env = { ...process.env, TSBUILD_ROOT: root, NO_COLOR: '1' }
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }))
  const text = () => output.stdout + output.stderr
  return {
    child,
    ended,
    async shows(wanted) {
      let over = false
      void ended.then(() => {
        over = true
      })
      await until(`"${wanted}" in ${args.join(' ')}`, () => {
        if (over && !text().includes(wanted)) throw new Error(`it ended before it showed "${wanted}":\n${text()}`)
        return text().includes(wanted)
      })
      return text()
    },
  }
}

/** Asks until it is so; the limit is for tests that fail. */
export async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(20)) if (await check()) return
  throw new Error(`${what} did not happen`)
}

/** Whether a process is there that is not waiting to be reaped. */
export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function monitorsOf(root: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return line.includes('container-monitor-worker') && line.includes(`"root":${JSON.stringify(root)}`)
      } catch {
        return false
      }
    })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone.
  }
}
