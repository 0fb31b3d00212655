import { ParseError } from '../errors.js'
import { expandWords } from '../shell/word.js'
import { type LineReader, withoutLineEnd } from './lines.js'
import type { Heredoc } from './node.js'

/** The `<<NAME` of a here-document, before its body is read. */
export type HeredocOpener = Omit<Heredoc, 'content'>

const shape = /^(\d*)<<(-?)\s*([^<]*)$/
const plainName = /^[\w.-]+$/
const noVariables = new Map<string, string>()

/** Reads a word as a heredoc opener (`<<EOF`, `3<<-'E F'`); `undefined` where it is none.
 * @throws {ParseError} `EXPANSION_FAILED` for a quote that is not closed */
export function parseHeredocOpener(word: string): HeredocOpener | undefined {
  const match = shape.exec(word)
  if (match === null) return undefined
  const [, fd = '', dash = '', rest = ''] = match
  if (rest === '') return undefined
  const numbers = { chomp: dash === '-', fd: Math.min(Number(fd), 0xffff_ffff) }
  if (plainName.test(rest)) return { name: rest, expand: true, ...numbers }
  const plain = expandWords(rest, noVariables, { skipUnset: true }).values
  const [name] = plain
  if (name === undefined || plain.length !== 1) return undefined
  const [raw = ''] = expandWords(rest, noVariables, { skipUnset: true, rawQuotes: true }).values
  return { name, expand: quotes(name) === quotes(raw), ...numbers }
}

/** As {@link parseHeredocOpener}, with a malformed one being none. */
export function heredocOpenerOrNone(word: string): HeredocOpener | undefined {
  try {
    return parseHeredocOpener(word)
  } catch {
    return undefined
  }
}

function quotes(text: string): number {
  return text.split(/['"]/).length - 1
}

/** The openers in a logical line, in order. A line whose quotes don't close has none.
 * @throws {ParseError} `EXPANSION_FAILED` */
export function findHeredocs(line: string): HeredocOpener[] {
  if (!line.includes('<<')) return []
  return shellWords(line).flatMap((word) => parseHeredocOpener(word) ?? [])
}

function shellWords(line: string): readonly string[] {
  try {
    return expandWords(line, noVariables, { rawQuotes: true, rawEscapes: true, skipUnset: true }).values
  } catch {
    return []
  }
}

/** Reads the body of one heredoc.
 * @throws {ParseError} `HEREDOC_UNTERMINATED` */
export function readHeredoc(opener: HeredocOpener, lines: LineReader, startLine: number): Heredoc {
  const content: string[] = []
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    const bare = withoutLineEnd(line)
    if ((opener.chomp ? bare.replace(/^\t+/, '') : bare) === opener.name) {
      return { ...opener, content: content.join('') }
    }
    content.push(line, lines.lineBreak())
  }
  throw new ParseError('HEREDOC_UNTERMINATED', 'unterminated heredoc', {
    range: lines.range(startLine, lines.number),
    hint: `Close it with a line that has nothing but ${opener.name}`,
  })
}

/** The content as a program or a file gets it: without the leading tabs of `<<-`. */
export function processHeredoc(heredoc: Pick<Heredoc, 'content' | 'chomp'>): string {
  return heredoc.chomp ? heredoc.content.replace(/(^|\n)\t+/g, '$1') : heredoc.content
}
