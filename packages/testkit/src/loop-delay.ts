import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'

/** 99th percentiles of how late an event loop was, in milliseconds. */
export interface LoopDelay {
  /** This thread's. */
  readonly ours: number
  /** That of a thread with nothing to do, meanwhile: what the machine itself adds. */
  readonly idle: number
}

const idleCode = `
  const { monitorEventLoopDelay } = require('node:perf_hooks')
  const { parentPort } = require('node:worker_threads')
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  parentPort.on('message', () => parentPort.postMessage(delay.percentile(99) / 1e6))
  parentPort.postMessage(0)`

/** Measures how late the event loop is while some work goes on. Noise only adds: the best of up to `turns` turns counts, and the first
 * smooth one ends it. */
export async function loopDelays(work: () => Promise<unknown>, turns = 5): Promise<readonly LoopDelay[]> {
  const measured: LoopDelay[] = []
  while (measured.length < turns && !measured.some(isSmooth)) measured.push(await measureOnce(work))
  return measured
}

/** Whether a loop was at most 20 ms late, or not much later than an idle one on this machine. */
export function isSmooth({ ours, idle }: LoopDelay): boolean {
  return ours <= Math.max(20, 1.5 * idle)
}

async function measureOnce(work: () => Promise<unknown>): Promise<LoopDelay> {
  const worker = new Worker(idleCode, { eval: true, execArgv: [] })
  const answer = () => new Promise<number>((resolve) => worker.once('message', resolve))
  try {
    await answer()
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    await work()
    delay.disable()
    const idle = answer()
    worker.postMessage('p99')
    return { ours: delay.percentile(99) / 1e6, idle: await idle }
  } finally {
    await worker.terminate()
  }
}
