import { createWorkerPool, type RunTaskOptions, type WorkerPool } from '@tsbuild/host'
import { asCoreError } from './file-engine.js'

/** A thread that reads and writes the folders of cache mounts for exports and imports.
 * @param workerDir where the worker entry files lie, for bundled programs */
export function createMountsPool(workerDir?: string): WorkerPool {
  const entry = new URL('./mounts-worker.js', import.meta.url)
  const directory = workerDir === undefined ? {} : { workerDir }
  const pool = createWorkerPool({ entry, size: 1, name: 'tsbuild-mounts', ...directory })
  return {
    ...pool,
    run: <Result>(method: string, input: unknown, options?: RunTaskOptions) =>
      pool.run<Result>(method, input, options).catch((error: unknown) => {
        throw asCoreError(error)
      }),
    async *stream<Result>(method: string, input: unknown, options?: Omit<RunTaskOptions, 'onChunk'>) {
      try {
        return yield* pool.stream<Result>(method, input, options)
      } catch (error) {
        throw asCoreError(error)
      }
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}
