import type {
  ContainerRuntime,
  ExecSpec,
  ProcessIdentity,
  ProcessSpec,
  RunningProcess,
  StartOptions,
} from '@tsbuild/spec'
import type { Bench, BenchTest } from '../runtime-conformance/fixture.js'
import type { TestOptions } from '../tests.js'

/** A process and what it has printed. */
export interface Talk extends RunningProcess {
  readonly printed: { readonly stdout: string; readonly stderr: string }
  /** Waits until its stdout holds a text. */
  says(text: string): Promise<void>
}

export type TalkSpec = Partial<ProcessSpec> & { readonly start?: StartOptions }
export type JoinSpec = Partial<ExecSpec> & { readonly start?: StartOptions }

export interface ContainerBench extends Bench<ContainerRuntime> {
  /** Starts a command in a fresh overlay, as root, at `/`, without network. */
  start(args: readonly string[], spec?: TalkSpec): Promise<Talk>
  /** Starts a script that says `up` and goes on until it is killed. */
  container(spec?: TalkSpec): Promise<Talk>
  exec(target: number | ProcessIdentity, args: readonly string[], spec?: JoinSpec): Promise<Talk>
  /** The same until its end; what it printed on stdout. */
  execOutput(target: number | ProcessIdentity, script: string, spec?: JoinSpec): Promise<string>
}

export type ContainerTest = (title: string, body: (bench: ContainerBench) => unknown, options?: TestOptions) => void

/** A script that says `up` and never ends. */
const forever = 'echo up; while :; do sleep 1000; done'

export function containerTests(test: BenchTest<ContainerRuntime>): ContainerTest {
  return (title, body, options) => test(title, (bench) => body(containerBench(bench)), options)
}

function containerBench(bench: Bench<ContainerRuntime>): ContainerBench {
  const { runtime, overlay } = bench
  const usual = { env: ['PATH=/bin'], cwd: '/', user: '' } as const
  const start: ContainerBench['start'] = (args, { start: options = {}, ...spec } = {}) =>
    talk(options, (heard) =>
      runtime.start({ root: spec.root ?? overlay(), args, ...usual, network: 'none', ...spec }, heard),
    )
  const exec: ContainerBench['exec'] = (target, args, { start: options = {}, ...spec } = {}) =>
    talk(options, (heard) => runtime.exec(target, { args, ...usual, ...spec }, heard))
  return {
    ...bench,
    start,
    exec,
    async container(spec) {
      const process = await start(['sh', '-c', forever], spec)
      await process.says('up')
      return process
    },
    async execOutput(target, script, spec) {
      const process = await exec(target, ['sh', '-c', script], spec)
      await process.ended
      return process.printed.stdout
    },
  }
}

/** Listens to a process from its start on. */
export async function talk(
  options: StartOptions,
  start: (options: StartOptions) => Promise<RunningProcess>,
): Promise<Talk> {
  const printed = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  const process = await start({
    ...options,
    onOutput(stream, chunk) {
      printed[stream] += Buffer.from(chunk).toString('latin1')
      for (const look of waiting) look()
      return options.onOutput?.(stream, chunk)
    },
  })
  return {
    ...process,
    printed,
    says: (text) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (!printed.stdout.includes(text)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        const missed = () => {
          look()
          reject(new Error(`ended without "${text}": ${JSON.stringify(printed)}`))
        }
        process.ended.then(missed, reject)
        look()
      }),
  }
}
