import { canonicalDigest, type OnBuildEvent, TsbuildError } from '@tsbuild/spec'

/** Told how far a part of a step is, in bytes; digests are shortened. */
export type OnStepProgress = (item: string, bytes: number, total: number | undefined, done: boolean) => void

/** Shows an output like a step: outputs are no vertices, but whoever watches a build wants to see them.
 * @param signal when it is aborted, a failure shows as canceled */
export async function outputStep<T>(
  emit: OnBuildEvent,
  name: string,
  body: (progress: OnStepProgress, say: (line: string) => void) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const id = canonicalDigest(['output', name, performance.now()])
  const start = performance.now()
  let sizeBytes = 0
  emit({ kind: 'vertexAdded', id, at: Date.now(), name, inputs: [] })
  emit({ kind: 'started', id, at: Date.now() })
  let result: T
  try {
    const progress: OnStepProgress = (item, bytes, total, done) => {
      if (done) sizeBytes += bytes
      emit({
        kind: 'progress',
        id,
        at: Date.now(),
        item: shortItem(item),
        bytes,
        ...(total === undefined ? {} : { total }),
        ...(done ? { done } : {}),
      })
    }
    const say = (line: string) =>
      emit({ kind: 'log', id, at: Date.now(), stream: 'stderr', data: Buffer.from(`${line}\n`) })
    result = await body(progress, say)
  } catch (error) {
    if (signal?.aborted) {
      emit({ kind: 'canceled', id, at: Date.now() })
      throw error
    }
    const code = error instanceof TsbuildError ? error.code : 'OUTPUT_FAILED'
    emit({
      kind: 'failed',
      id,
      at: Date.now(),
      error: { code, message: error instanceof Error ? error.message : String(error) },
    })
    throw error
  }
  emit({ kind: 'completed', id, at: Date.now(), durationMs: performance.now() - start, sizeBytes })
  return result
}

function shortItem(item: string): string {
  return item.replace(/^sha256:/, '').slice(0, 12)
}
