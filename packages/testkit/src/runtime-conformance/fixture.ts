import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExitStatus, OverlayMount, ProcessSpec, RunOptions, Runtime } from '@tsbuild/spec'
import { type TempDir, tempDir } from '../temp-dir.js'
import type { RegisterTest, TestOptions } from '../tests.js'

/** Makes the runtime under test. @param stateDir a directory that does not exist yet */
export type CreateRuntime<R extends Runtime = Runtime> = (stateDir: string) => R | Promise<R>

/** Fills an empty directory with a root file system as `busyboxRootfs` makes it. */
export type MakeRootfs = (directory: string) => Promise<void>

/** What a step printed and how it ended. */
export interface StepResult {
  readonly status: ExitStatus
  readonly stdout: string
  readonly stderr: string
}

export type StepSpec = Partial<ProcessSpec> & { readonly run?: RunOptions }

/** A runtime, a busybox root, and a way to run things in it. */
export interface Bench<R extends Runtime = Runtime> extends AsyncDisposable {
  readonly runtime: R
  readonly directory: string
  /** The unchanged root file system. */
  readonly rootfs: string
  /** An overlay on the root file system (or on these layers, topmost first) with an upper directory of its own. */
  overlay(...lower: string[]): OverlayMount & { readonly upper: string }
  /** Runs a command; without a root in a fresh overlay, as root, at `/`, on the host's network. */
  step(args: readonly string[], spec?: StepSpec): Promise<StepResult>
  /** The same for a script of the image's shell. */
  sh(script: string, spec?: StepSpec): Promise<StepResult>
}

/** Registers tests that each get a bench of their own. */
export type BenchTest<R extends Runtime = Runtime> = (
  title: string,
  body: (bench: Bench<R>) => unknown,
  options?: TestOptions,
) => void

export function benchTests<R extends Runtime>(
  test: RegisterTest,
  create: CreateRuntime<R>,
  makeRootfs: MakeRootfs,
  skip?: string,
): BenchTest<R> {
  return (title, body, options = {}) =>
    test(
      title,
      async () => {
        await using bench = await openBench(create, makeRootfs)
        await body(bench)
      },
      { skip, ...options },
    )
}

async function openBench<R extends Runtime>(create: CreateRuntime<R>, makeRootfs: MakeRootfs): Promise<Bench<R>> {
  const dir = await tempDir()
  const rootfs = join(dir.path, 'rootfs')
  mkdirSync(rootfs)
  await makeRootfs(rootfs)
  const runtime = await create(join(dir.path, 'state'))
  let count = 0
  const overlay: Bench['overlay'] = (...lower) => {
    const name = `o${++count}`
    for (const part of ['upper', 'work']) mkdirSync(join(dir.path, name, part), { recursive: true })
    const layers = lower.length > 0 ? lower : ['rootfs']
    return { kind: 'overlay', base: dir.path, lower: layers, upper: `${name}/upper`, work: `${name}/work` }
  }
  const step: Bench['step'] = (args, { run, ...spec } = {}) =>
    runStep(runtime, { root: spec.root ?? overlay(), args, env: [], cwd: '/', user: '', network: 'host', ...spec }, run)
  return {
    runtime,
    directory: dir.path,
    rootfs,
    overlay,
    step,
    sh: (script, spec) => step(['/bin/sh', '-c', script], spec),
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]()
      await closeDir(dir)
    },
  }
}

async function closeDir(dir: TempDir): Promise<void> {
  await dir[Symbol.asyncDispose]()
}

async function runStep(runtime: Runtime, spec: ProcessSpec, options: RunOptions = {}): Promise<StepResult> {
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
  const status = await runtime.run(spec, {
    ...options,
    onOutput(stream, chunk) {
      output[stream].push(Buffer.from(chunk))
      options.onOutput?.(stream, chunk)
    },
  })
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString()
  return { status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error as Error
  }
  throw new Error(`should have been rejected, but gave ${JSON.stringify(value)}`)
}
