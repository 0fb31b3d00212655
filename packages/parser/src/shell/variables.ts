import type { EscapeToken } from '../ast.js'

/** What words are expanded with; a `Map` serves. */
export interface Variables {
  get(name: string): string | undefined
}

export interface ExpandOptions {
  /** Default `\`. */
  readonly escape?: EscapeToken
  /** Leaves `$X` as it stands where X is unset. */
  readonly skipUnset?: boolean
  /** Keeps the quotes in the result. */
  readonly rawQuotes?: boolean
  /** Keeps the escape characters in the result. */
  readonly rawEscapes?: boolean
  /** Quotes are characters like any other: for heredoc bodies. */
  readonly skipQuotes?: boolean
}
