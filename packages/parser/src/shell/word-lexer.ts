import type { ErrorDetails } from '@tsbuild/spec'
import { ParseError } from '../errors.js'
import { isSpace, quote } from '../text.js'
import { replaceGlob } from './glob.js'
import { substitute } from './substitution.js'
import type { ExpandOptions, Variables } from './variables.js'
import { WordList } from './word-list.js'

const maxDepth = 500
const specialNames = new Set(['@', '*', '#', '?', '-', '$', '!', '0'])

/** The text of a stretch of a word, whole and split at white space. */
interface Piece {
  readonly value: string
  readonly words: readonly string[]
}

function once(names: string[]): string[] {
  return names.length < 2 ? names : [...new Set(names)]
}

/** A message needs no megabyte of source. */
function shortened(text: string): string {
  return text.length > 1000 ? `${text.slice(0, 1000)}…` : text
}

/** The shell-like lexer: quotes, escapes, `$name` and `${name…}`. One pass over the characters. */
export class WordLexer {
  private readonly source: string
  private readonly chars: readonly string[]
  private readonly variables: Variables
  private readonly options: ExpandOptions
  private readonly escape: string
  private readonly used: string[] = []
  private readonly unmatched: string[] = []
  private at = 0
  private depth = 0
  private rawEscapes: boolean

  constructor(source: string, variables: Variables, options: ExpandOptions) {
    this.source = source
    this.chars = [...source]
    this.variables = variables
    this.options = options
    this.escape = options.escape ?? '\\'
    this.rawEscapes = options.rawEscapes ?? false
  }

  names(): { used: string[]; unmatched: string[] } {
    return { used: once(this.used), unmatched: once(this.unmatched) }
  }

  run(): Piece {
    try {
      return this.until(undefined, this.rawEscapes)
    } catch (cause) {
      if (!(cause instanceof ParseError)) throw cause
      const details: ErrorDetails = { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) }
      throw new ParseError(cause.code, `failed to process ${quote(shortened(this.source))}: ${cause.message}`, details)
    }
  }

  private peek(): string | undefined {
    return this.chars[this.at]
  }

  private fail(message: string): never {
    throw new ParseError('EXPANSION_FAILED', message)
  }

  /** Up to the `stop` character, which is taken too, or to the end. */
  private until(stop: string | undefined, rawEscapes: boolean): Piece {
    if (++this.depth > maxDepth) this.fail(`substitutions are nested more than ${maxDepth} deep`)
    const outer = this.rawEscapes
    this.rawEscapes = rawEscapes
    const list = new WordList()
    let value = ''
    for (;;) {
      const char = this.peek()
      if (char === undefined) break
      if (char === stop) {
        this.at++
        this.rawEscapes = outer
        this.depth--
        list.flush()
        return { value, words: list.words }
      }
      value += this.step(char, list)
    }
    if (stop !== undefined) this.fail(`unexpected end of statement while looking for matching ${stop}`)
    list.flush()
    return { value, words: list.words }
  }

  private step(char: string, list: WordList): string {
    if (char === '$') {
      const text = this.dollar()
      list.addText(text)
      return text
    }
    const text = this.special(char)
    if (text !== undefined) {
      list.addRaw(text)
      return text
    }
    this.at++
    if (char !== this.escape) {
      list.addChar(char)
      return char
    }
    const kept = this.rawEscapes ? char : ''
    if (kept !== '') list.addRaw(kept)
    const escaped = this.peek()
    if (escaped === undefined) return kept
    this.at++
    list.addRaw(escaped)
    return kept + escaped
  }

  private special(char: string): string | undefined {
    if (this.options.skipQuotes) return undefined
    if (char === "'") return this.singleQuoted()
    if (char === '"') return this.doubleQuoted()
    if (char === '<') return this.lessThan()
    return undefined
  }

  private quoteMark(char: string): string {
    return this.options.rawQuotes ? char : ''
  }

  private singleQuoted(): string {
    const end = this.chars.indexOf("'", this.at + 1)
    if (end < 0) {
      this.at = this.chars.length
      this.fail('unexpected end of statement while looking for matching single-quote')
    }
    const text = this.chars.slice(this.at + 1, end).join('')
    this.at = end + 1
    const mark = this.quoteMark("'")
    return mark + text + mark
  }

  private doubleQuoted(): string {
    const mark = this.quoteMark('"')
    let text = mark
    this.at++
    for (;;) {
      const char = this.peek()
      if (char === undefined) this.fail('unexpected end of statement while looking for matching double-quote')
      if (char === '"') {
        this.at++
        return text + mark
      }
      text += char === '$' ? this.dollar() : this.doubleQuotedChar(char)
    }
  }

  private doubleQuotedChar(char: string): string {
    this.at++
    if (char !== this.escape) return char
    const kept = this.rawEscapes ? char : ''
    const next = this.peek()
    if (next === undefined) return kept
    if (next !== '"' && next !== '$' && next !== this.escape) return kept + char
    this.at++
    return kept + next
  }

  /** White space behind `<<` belongs to the word, so that `<< EOF` is one. */
  private lessThan(): string {
    this.at++
    if (this.peek() !== '<') return '<'
    this.at++
    let text = '<<'
    for (let char = this.peek(); char !== undefined && isSpace(char); char = this.peek()) {
      text += char
      this.at++
    }
    return text
  }

  private dollar(): string {
    this.at++
    if (this.peek() === '{') {
      this.at++
      return this.braced()
    }
    const name = this.name()
    if (name === '') return '$'
    const value = this.lookup(name)
    return value ?? (this.options.skipUnset ? `$${name}` : '')
  }

  private braced(): string {
    const first = this.peek()
    if (first === undefined) this.fail("syntax error: missing '}'")
    if (first === '{' || first === '}' || first === ':') this.fail('syntax error: bad substitution')
    const name = this.name()
    let modifier = this.peek() ?? ''
    this.at++
    if (modifier === '}') {
      const value = this.lookup(name)
      return value ?? (this.options.skipUnset ? `\${${name}}` : '')
    }
    if (modifier === '/') return this.replacement(name)
    const emptyIsUnset = modifier === ':'
    if (emptyIsUnset) modifier = this.chars[this.at++] ?? ''
    return this.modified(name, modifier, emptyIsUnset)
  }

  private modified(name: string, modifier: string, emptyIsUnset: boolean): string {
    const written = (emptyIsUnset ? ':' : '') + modifier
    const trims = modifier === '#' || modifier === '%'
    const known = trims || modifier === '+' || modifier === '-' || modifier === '?'
    if (trims ? emptyIsUnset : !known && !emptyIsUnset) this.fail(`unsupported modifier (${written}) in substitution`)
    const word = this.argument('}', trims)
    const value = this.lookup(name)
    if (value === undefined && this.options.skipUnset) return `\${${name}${written}${word}}`
    return substitute({ name, modifier, emptyIsUnset, value, word })
  }

  private replacement(name: string): string {
    const all = this.peek() === '/'
    if (all) this.at++
    const pattern = this.argument('/', true)
    const text = this.argument('}', true)
    const value = this.lookup(name)
    if (value === undefined && this.options.skipUnset) return `\${${name}/${pattern}/${text}}`
    return replaceGlob(pattern, value ?? '', text, all)
  }

  /** The part of `${…}` up to `stop`, itself expanded. */
  private argument(stop: '}' | '/', rawEscapes: boolean): string {
    try {
      return this.until(stop, rawEscapes).value
    } catch (error) {
      if (this.peek() !== undefined || this.depth > maxDepth) throw error
      return this.fail(stop === '}' ? "syntax error: missing '}'" : "syntax error: missing '/' in ${}")
    }
  }

  private name(): string {
    const first = this.peek()
    if (first === undefined) return ''
    const start = this.at
    if (/^\p{Nd}$/u.test(first)) {
      while (/^\p{Nd}$/u.test(this.peek() ?? '')) this.at++
    } else if (specialNames.has(first)) this.at++
    else while (/^[\p{L}\p{Nd}_]$/u.test(this.peek() ?? '')) this.at++
    return this.chars.slice(start, this.at).join('')
  }

  private lookup(name: string): string | undefined {
    const value = this.variables.get(name)
    if (value === undefined) this.unmatched.push(name)
    else this.used.push(name)
    return value
  }
}
