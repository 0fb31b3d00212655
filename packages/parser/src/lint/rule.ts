import type { SourceRange } from '@tsbuild/spec'
import type { Analysis } from './analysis.js'

/** Something that a rule found. */
export interface Finding {
  readonly message: string
  readonly range: SourceRange
  /** The comments above the instruction: `check=skip=…` among them silences the rule there. */
  readonly comments: readonly string[]
}

/** One build check, with Docker's name, description and page. */
export interface LintRule {
  readonly name: string
  readonly description: string
  readonly url?: string
  /** Runs only where it is asked for. */
  readonly experimental?: boolean
  find(analysis: Analysis): Iterable<Finding>
}

/** The page of a rule in Docker's documentation. */
export function ruleUrl(slug: string): string {
  return `https://docs.docker.com/go/dockerfile/rule/${slug}/`
}

/** A finding at an instruction. */
export function at(
  place: { readonly range: SourceRange; readonly comments: readonly string[] },
  message: string,
): Finding {
  return { message, range: place.range, comments: place.comments }
}
