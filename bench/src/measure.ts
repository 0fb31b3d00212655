import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What its output has when it did what is to be measured. */
  readonly says?: RegExp
}

export interface Measurement {
  readonly wallMs: number
  /** Largest sum of the resident sizes of all processes at work, looked at 20 times a second. */
  readonly peakBytes: number
}

export interface MeasureOptions {
  /** Processes that work for the command besides its own children. */
  readonly daemons?: readonly number[]
  /** Ends the command. */
  readonly signal?: AbortSignal
}

/** Runs a command and measures it from outside.
 * @throws Error with its last output when it fails, or does not say what it should */
export function measure(command: Command, { daemons = [], signal }: MeasureOptions = {}): Promise<Measurement> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(command.program, command.args, {
      env: { ...process.env, ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal === undefined ? {} : { signal }),
    })
    let output = ''
    let peakBytes = 0
    const keep = (text: string): void => {
      output = (output + text).slice(-4096)
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    const timer = setInterval(() => {
      const roots = child.pid === undefined ? daemons : [child.pid, ...daemons]
      peakBytes = Math.max(peakBytes, residentBytes(roots))
    }, 50)
    child.once('error', (error) => {
      clearInterval(timer)
      reject(error)
    })
    child.once('close', (code) => {
      clearInterval(timer)
      const wallMs = performance.now() - started
      const failure = failureOf(command, code, output)
      if (failure === undefined) resolve({ wallMs, peakBytes })
      else reject(new Error(`Cannot run "${command.program} ${command.args.join(' ')}": ${failure}\n${output}`))
    })
  })
}

function failureOf({ says }: Command, code: number | null, output: string): string | undefined {
  if (code !== 0) return `exit code ${code}`
  return says === undefined || says.test(output) ? undefined : `its output has no ${says}`
}

/** Resident sizes of processes and of all that descend from them. */
function residentBytes(roots: readonly number[]): number {
  let sum = 0
  const queue = [...roots]
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    sum += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
    queue.push(...childrenOf(pid))
  }
  return sum
}

/** Children by any of the process's threads (proc(5), `/proc/pid/task/tid/children`). */
function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((tid) =>
    read(`/proc/${pid}/task/${tid}/children`)
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  )
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
