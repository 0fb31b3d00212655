import { ParseError } from '../errors.js'
import { trimPrefix, trimSuffix } from './glob.js'

/** `${name:-word}` with everything in it known. */
export interface Substitution {
  readonly name: string
  /** `-`, `+`, `?`, `#` or `%`. */
  readonly modifier: string
  /** Whether a colon stands in front of the modifier. */
  readonly emptyIsUnset: boolean
  readonly value: string | undefined
  readonly word: string
}

/** What a substitution comes to.
 * @throws {ParseError} `EXPANSION_FAILED` where `?` misses a value, or the modifier is another */
export function substitute({ name, modifier, emptyIsUnset, value, word }: Substitution): string {
  const present = value !== undefined && !(emptyIsUnset && value === '')
  switch (modifier) {
    case '-':
      return present ? value : word
    case '+':
      return present ? word : ''
    case '?': {
      if (present) return value
      const reason = word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`
      throw new ParseError('EXPANSION_FAILED', `${name}: ${reason}`)
    }
    case '#':
    case '%': {
      const greedy = word.startsWith(modifier)
      const trim = modifier === '#' ? trimPrefix : trimSuffix
      return trim(greedy ? word.slice(1) : word, value ?? '', greedy)
    }
    default:
      throw new ParseError(
        'EXPANSION_FAILED',
        `unsupported modifier (${emptyIsUnset ? ':' : ''}${modifier}) in substitution`,
      )
  }
}
