import { createWorkerPool } from '@tsbuild/host'
import type { ByteStream, CallOptions } from '@tsbuild/spec'
import type { LookInput, PackInput, PathInfo, UnpackInput } from './containers/files-task.js'
import { asCoreError } from './file-engine.js'

/** Looks at files of containers and of the host, and moves them; all of it in worker threads. */
export interface ContainerFiles extends AsyncDisposable {
  look(input: LookInput, options?: CallOptions): Promise<PathInfo>
  pack(input: PackInput, options?: CallOptions): ByteStream
  unpack(input: UnpackInput, tar: ByteStream, options?: CallOptions): Promise<{ readonly bytes: number }>
}

/** One thread reads while another writes. */
const threads = 2

export function openContainerFiles(workerDir: string | undefined): ContainerFiles {
  const pool = createWorkerPool({
    entry: new URL('./container-files-worker.js', import.meta.url),
    size: threads,
    name: 'tsbuild-container-files',
    ...(workerDir === undefined ? {} : { workerDir }),
  })
  const rethrow = (error: unknown) => {
    throw asCoreError(error)
  }
  return {
    look: (input, call = {}) => pool.run<PathInfo>('look', input, call).catch(rethrow),
    async *pack(input, call = {}) {
      try {
        yield* pool.stream('pack', input, call)
      } catch (error) {
        throw asCoreError(error)
      }
    },
    unpack: (input, source, call = {}) =>
      pool.run<{ bytes: number }>('unpack', input, { ...call, source }).catch(rethrow),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}
