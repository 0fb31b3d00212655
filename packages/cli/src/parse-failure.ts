import { type SourceRange, TsbuildError } from '@tsbuild/spec'
import { formatExcerpt } from './excerpt.js'
import type { DockerfileSource } from './read-dockerfile.js'

/** Runs something on a Dockerfile; an error that names a place gets the lines of the file around it as its `excerpt`. */
export function withExcerpt<T>({ file, text }: DockerfileSource, run: () => T): T {
  try {
    return run()
  } catch (error) {
    const { range } = error as { readonly range?: SourceRange }
    if (error instanceof TsbuildError && range !== undefined) {
      Object.assign(error, { excerpt: formatExcerpt(file, text, range.startLine, range.endLine) })
    }
    throw error
  }
}
