import type { WorkerJob } from './pooled-worker.js'

/** Runs a job whose chunks are handed out as a stream: the worker goes on as fast as they are taken. */
export async function* streamJob<Result>(
  job: WorkerJob,
  run: (job: WorkerJob) => Promise<unknown>,
): AsyncGenerator<Uint8Array, Result> {
  const stop = new AbortController()
  const signal = job.signal ? AbortSignal.any([job.signal, stop.signal]) : stop.signal
  const queue: { chunk: Uint8Array; taken: () => void }[] = []
  let wake = () => {}
  let over = false
  const done = run({
    ...job,
    signal,
    onChunk: (chunk) =>
      new Promise<void>((taken) => {
        queue.push({ chunk, taken })
        wake()
      }),
  }).finally(() => {
    over = true
    wake()
  })
  done.catch(() => {})
  try {
    for (;;) {
      const next = queue.shift()
      if (next) {
        next.taken()
        yield next.chunk
      } else if (over) {
        return (await done) as Result
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stop.abort()
    for (const { taken } of queue) taken()
    await done.catch(() => {})
  }
}
