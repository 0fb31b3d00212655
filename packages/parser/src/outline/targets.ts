import type { SourceRange } from '@tsbuild/spec'
import type { Dockerfile } from '../ast.js'

/** A stage that can be built by name. */
export interface BuildTarget {
  /** Absent for a stage without AS. */
  readonly name?: string
  /** Whether it is what a build makes that names no target. */
  readonly default: boolean
  /** The comment above FROM that starts with the stage's name, that name left out. */
  readonly description?: string
  /** As written, variables included. */
  readonly base: string
  readonly platform?: string
  readonly range: SourceRange
}

/** The stages of a Dockerfile in order, as `--call=targets` shows them. */
export function listTargets({ stages }: Dockerfile): readonly BuildTarget[] {
  return stages.map(({ name, comment, baseName, platform, from, index }) => ({
    ...(name === undefined ? {} : { name }),
    default: index === stages.length - 1,
    ...(comment === undefined ? {} : { description: comment }),
    base: baseName,
    ...(platform === undefined ? {} : { platform }),
    range: from.range,
  }))
}
