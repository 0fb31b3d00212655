import type { ExpandOptions, Variables } from './variables.js'
import { WordLexer } from './word-lexer.js'

export type { ExpandOptions, Variables }

/** `used` and `unmatched` are the names of the variables that were looked up and found, or not; each once, in order. */
export interface Expansion {
  readonly value: string
  readonly used: readonly string[]
  readonly unmatched: readonly string[]
}

export interface WordsExpansion {
  readonly values: readonly string[]
  readonly used: readonly string[]
  readonly unmatched: readonly string[]
}

/** Expands variables and strips quotes and escapes; white space stays.
 * @throws {ParseError} `EXPANSION_FAILED` */
export function expandWord(word: string, variables: Variables, options: ExpandOptions = {}): Expansion {
  const lexer = new WordLexer(word, variables, options)
  return { value: lexer.run().value, ...lexer.names() }
}

/** As {@link expandWord}, then split at white space outside quotes; what a variable brought is split too.
 * @throws {ParseError} `EXPANSION_FAILED` */
export function expandWords(word: string, variables: Variables, options: ExpandOptions = {}): WordsExpansion {
  const lexer = new WordLexer(word, variables, options)
  return { values: lexer.run().words, ...lexer.names() }
}
