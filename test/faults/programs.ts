import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../../packages/cli/bin/tsbuild.js', import.meta.url))
const starter = fileURLToPath(new URL('./starter.js', import.meta.url))

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

export interface StartRequest {
  readonly id: number
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly killAfterMs: number | undefined
}

export interface StartResult extends Run {
  readonly id: number
}

/** Runs `tsbuild` with a root folder. */
export interface Programs extends AsyncDisposable {
  run(args: readonly string[], root: string, options?: RunOptions): Promise<Run>
}

export function openPrograms(): Programs {
  const child = fork(starter, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const waiting = new Map<number, (result: Run) => void>()
  child.on('message', ({ id, ...run }: StartResult) => {
    waiting.get(id)?.(run)
    waiting.delete(id)
  })
  let last = 0
  return {
    run: (args, root, { fault, killAfterMs } = {}) =>
      new Promise((resolve) => {
        const id = ++last
        waiting.set(id, resolve)
        const env = { ...process.env, TSBUILD_ROOT: root, NO_COLOR: '1', ...(fault && { TSBUILD_FAULT: fault }) }
        child.send({ id, file: process.execPath, args: [program, ...args], env, killAfterMs } satisfies StartRequest)
      }),
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
