import type { ContentProvider } from '@tsbuild/spec'
import { throttledBlobProgress } from './progress.js'
import type { OutputOptions } from './types.js'

/** The source, telling the progress of what is read from it. */
export function watched(source: ContentProvider, onProgress: OutputOptions['onProgress']): ContentProvider {
  return {
    async *read(descriptor, options) {
      const report = throttledBlobProgress(onProgress, descriptor.digest, descriptor.size)
      let bytes = 0
      for await (const chunk of source.read(descriptor, options)) {
        yield chunk
        bytes += chunk.length
        report(bytes)
      }
    },
  }
}
