import type { OnBlobProgress } from '@tsbuild/exporter'
import { canonicalDigest, type OnBuildEvent, TsbuildError } from '@tsbuild/spec'

/** Shows an output like a step: outputs are no vertices, but whoever watches a build wants to see them. */
export async function outputStep<T>(
  emit: OnBuildEvent,
  name: string,
  body: (progress: OnBlobProgress) => Promise<T>,
): Promise<T> {
  const id = canonicalDigest(['output', name, performance.now()])
  const start = performance.now()
  let sizeBytes = 0
  emit({ kind: 'vertexAdded', id, at: Date.now(), name, inputs: [] })
  emit({ kind: 'started', id, at: Date.now() })
  let result: T
  try {
    result = await body((item, bytes, total, done) => {
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
    })
  } catch (error) {
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
