import { createWorkerPool, type RunTaskOptions, type WorkerPool } from '@tsbuild/host'
import { TsbuildError } from '@tsbuild/spec'
import { SnapshotError, type SnapshotErrorCode } from './errors.js'

/** Threads that walk, copy, hash, pack and unpack. */
export function createSnapshotPool(size: number, workerDir?: string): WorkerPool {
  const entry = new URL('./snapshotter-worker.js', import.meta.url)
  const directory = workerDir === undefined ? {} : { workerDir }
  const pool = createWorkerPool({ entry, size, name: 'tsbuild-snapshotter', ...directory })
  return {
    ...pool,
    run: <Result>(method: string, input: unknown, options?: RunTaskOptions) =>
      pool.run<Result>(method, input, options).catch((err: unknown) => {
        throw ours(err)
      }),
    async *stream<Result>(method: string, input: unknown, options?: Omit<RunTaskOptions, 'onChunk'>) {
      try {
        return yield* pool.stream<Result>(method, input, options)
      } catch (err) {
        throw ours(err)
      }
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

/** Errors lose their class on the way between threads. */
function ours(err: unknown): unknown {
  if (!(err instanceof TsbuildError) || err.name !== 'SnapshotError') return err
  const details = { ...(err.hint === undefined ? {} : { hint: err.hint }), cause: err.cause }
  return new SnapshotError(err.code as SnapshotErrorCode, err.message, details)
}
