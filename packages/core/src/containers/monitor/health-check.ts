import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerRuntime, HealthcheckConfig, ProcessIdentity } from '@tsbuild/spec'
import { execSpec } from '../process-spec.js'
import type { ContainerHealth, ContainerSettings, HealthProbe } from '../record.js'

const nsPerMs = 1_000_000
const defaults = { intervalMs: 30_000, timeoutMs: 30_000, startPeriodMs: 0, startIntervalMs: 5_000, retries: 3 }
const mostProbes = 5
const mostOutputBytes = 4096
const defaultShell = ['/bin/sh', '-c']

export interface HealthTiming {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly startPeriodMs: number
  readonly startIntervalMs: number
  readonly retries: number
}

/** Docker's defaults stand for what is missing or zero. */
export function healthTiming(config: HealthcheckConfig): HealthTiming {
  const ms = (ns: number | undefined, fallback: number) => (ns ? ns / nsPerMs : fallback)
  return {
    intervalMs: ms(config.Interval, defaults.intervalMs),
    timeoutMs: ms(config.Timeout, defaults.timeoutMs),
    startPeriodMs: ms(config.StartPeriod, defaults.startPeriodMs),
    startIntervalMs: ms(config.StartInterval, defaults.startIntervalMs),
    retries: config.Retries || defaults.retries,
  }
}

/** What a check runs: `CMD` its words, `CMD-SHELL` a line for the image's shell. */
export function healthCommand(test: readonly string[], shell: readonly string[] = defaultShell): readonly string[] {
  const [kind, ...words] = test
  return kind === 'CMD-SHELL' ? [...shell, words.join(' ')] : words
}

export const firstHealth: ContainerHealth = { status: 'starting', failingStreak: 0, probes: [] }

/** The state after one more probe. Failures in the start period do not count, the first success ends it. */
export function nextHealth(
  before: ContainerHealth,
  probe: HealthProbe,
  { retries, startPeriodMs }: Pick<HealthTiming, 'retries' | 'startPeriodMs'>,
  startedAt: number,
): ContainerHealth {
  const probes = [...before.probes, probe].slice(-mostProbes)
  if (probe.exitCode === 0) return { status: 'healthy', failingStreak: 0, probes }
  if (before.status === 'starting' && probe.startedAt - startedAt < startPeriodMs) return { ...before, probes }
  const failingStreak = before.failingStreak + 1
  return { status: failingStreak >= retries ? 'unhealthy' : before.status, failingStreak, probes }
}

export interface HealthWatch {
  readonly runtime: ContainerRuntime
  readonly process: ProcessIdentity
  readonly settings: ContainerSettings
  readonly signal: AbortSignal
  readonly onChange: (health: ContainerHealth) => Promise<unknown>
}

/** Checks until the signal aborts. */
export async function watchHealth(config: HealthcheckConfig, watch: HealthWatch): Promise<void> {
  const timing = healthTiming(config)
  const startedAt = Date.now()
  let health = firstHealth
  for (;;) {
    const early = health.status === 'starting' && Date.now() - startedAt < timing.startPeriodMs
    const pause = early ? Math.min(timing.startIntervalMs, timing.intervalMs) : timing.intervalMs
    await delay(pause, undefined, { signal: watch.signal }).catch(() => {})
    if (watch.signal.aborted) return
    const probe = await runProbe(healthCommand(config.Test ?? [], watch.settings.shell), timing.timeoutMs, watch)
    if (watch.signal.aborted) return
    health = nextHealth(health, probe, timing, startedAt)
    await watch.onChange(health)
  }
}

async function runProbe(
  args: readonly string[],
  timeoutMs: number,
  { runtime, process, settings, signal }: HealthWatch,
): Promise<HealthProbe> {
  const startedAt = Date.now()
  const timeout = AbortSignal.timeout(timeoutMs)
  let output = Buffer.alloc(0)
  const onOutput = (_: string, chunk: Uint8Array) => {
    if (output.length < mostOutputBytes) output = Buffer.concat([output, chunk]).subarray(0, mostOutputBytes)
  }
  const end = (exitCode: number, text: string): HealthProbe => ({
    startedAt,
    endedAt: Date.now(),
    exitCode,
    output: text,
  })
  try {
    const spec = execSpec(settings, { args, terminal: false })
    const stop = AbortSignal.any([timeout, signal])
    const check = await runtime.exec(process, spec, { signal: stop, graceMs: 0, onOutput })
    const { code } = await check.ended
    return end(code, output.toString('utf8'))
  } catch (error) {
    if (timeout.aborted) return end(-1, `Health check exceeded timeout (${timeoutMs / 1000}s)`)
    return end(-1, (error as Error).message)
  }
}
