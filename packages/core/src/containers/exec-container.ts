import { Readable } from 'node:stream'
import { type ContainerRuntime, hasCode, type RunningProcess, type StartOptions } from '@tsbuild/spec'
import type { ExecOptions, ExecResult } from '../api/containers.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { ensureBindSources } from './bind-sources.js'
import { checkEntitlements } from './check-options.js'
import { createOutputSink } from './collect-output.js'
import { withContainerLock } from './container-locks.js'
import { containerRuntime } from './container-runtime.js'
import { containerMount } from './container-snapshot.js'
import { endLeftovers } from './life.js'
import { checkNotMounted } from './mount-container.js'
import { openContainerNetwork } from './network.js'
import { type ExecRequest, execSpec, processSpec } from './process-spec.js'
import type { ContainerRecord } from './record.js'

/** Runs a process in a container, beside its own where it runs, else alone; see `Container.exec`. `load` gives the settled record. */
export async function execInContainer(
  parts: EngineParts,
  load: () => Promise<ContainerRecord>,
  args: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  checkEntitlements(options, parts.options.entitlements ?? [])
  if (args.length === 0) throw new CoreError('COMMAND_MISSING', 'Cannot run a process in the container: no command')
  const record = await load()
  const request = requestOf(args, options)
  if (record.state.status === 'running') return await joinContainer(parts, record, request, options)
  if (options.runningOnly) throw notRunning(record.id)
  return await withContainerLock(parts, record.id, options, async () => {
    const now = await load()
    // It may have been started while this one waited for its turn.
    if (now.state.status === 'running') return await joinContainer(parts, now, request, options)
    checkNotMounted(parts, now)
    return await runAlone(parts, now, request, options)
  })
}

export function requestOf(args: readonly string[], options: ExecOptions): ExecRequest {
  const { env, cwd, user, privileged, terminal } = options
  return {
    args,
    terminal: terminal !== undefined,
    ...(env === undefined ? {} : { env }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { user }),
    ...(privileged === undefined ? {} : { privileged }),
  }
}

async function joinContainer(
  parts: EngineParts,
  { id, settings, state }: ContainerRecord,
  request: ExecRequest,
  options: ExecOptions,
): Promise<ExecResult> {
  const { process } = state
  if (process === undefined) throw notRunning(id)
  const runtime = await containerRuntime(parts)
  try {
    return await follow((start) => runtime.exec(process, execSpec(settings, request), start), request, options)
  } catch (error) {
    throw hasCode(error, 'PROCESS_GONE') ? notRunning(id, error) : error
  }
}

async function runAlone(
  parts: EngineParts,
  { id, settings }: ContainerRecord,
  request: ExecRequest,
  options: ExecOptions,
): Promise<ExecResult> {
  const runtime: ContainerRuntime = await containerRuntime(parts)
  await ensureBindSources(settings.mounts)
  await endLeftovers(parts, id)
  const { signal } = options
  // Its ports are published while it runs itself.
  const quiet = { ...settings, publish: [], publishAll: false }
  await using network = await openContainerNetwork(quiet, parts, signal === undefined ? {} : { signal })
  const root = await containerMount(parts, id, { durable: false })
  const spec = {
    ...processSpec(settings, { ...network, root, args: request.args }),
    ...execSpec(settings, request),
  }
  return await follow((start) => runtime.start(spec, start), request, options)
}

/** Feeds the process, takes its output, waits for its end. */
async function follow(
  begin: (options: StartOptions) => Promise<RunningProcess>,
  { args }: ExecRequest,
  options: ExecOptions,
): Promise<ExecResult> {
  const { stdin, terminal, signal, onStart } = options
  const sink = createOutputSink(options)
  const process = await begin({
    stdin: stdin !== undefined,
    onOutput: sink.onOutput,
    ...(terminal === undefined ? {} : { terminal }),
    ...(signal === undefined ? {} : { signal }),
  })
  onStart?.({ resize: (size) => process.resize(size), kill: (name) => process.kill(name) })
  const input = stdin === undefined ? undefined : asStream(stdin)
  if (input !== undefined) void feed(process, input)
  const { code: exitCode } = await process.ended.finally(() => input?.destroy())
  const result = { exitCode, stdout: sink.text('stdout'), stderr: sink.text('stderr') }
  if (options.check && exitCode !== 0) throw commandFailed(args, result)
  return result
}

function asStream(stdin: NonNullable<ExecOptions['stdin']>): Readable {
  return stdin instanceof Readable ? stdin : Readable.from([stdin])
}

/** Until the process reads no more. */
async function feed(process: RunningProcess, input: Readable): Promise<void> {
  try {
    for await (const chunk of input) await process.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    process.endInput()
  } catch {
    process.endInput()
  }
}

function commandFailed(args: readonly string[], { exitCode, stderr }: ExecResult): CoreError {
  const last = stderr.trimEnd().split('\n').at(-1) ?? ''
  const hint = last === '' ? {} : { hint: `It said: ${last.slice(0, 500)}` }
  return new CoreError('COMMAND_FAILED', `Cannot run command "${args.join(' ')}": it exited with ${exitCode}`, hint)
}

export function notRunning(id: string, cause?: unknown): CoreError {
  const message = `Cannot reach container "${id.slice(0, 12)}": it does not run`
  return new CoreError('CONTAINER_NOT_RUNNING', message, cause === undefined ? {} : { cause })
}
