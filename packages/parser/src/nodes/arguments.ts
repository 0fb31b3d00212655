import type { EscapeToken } from '../ast.js'
import { ParseError } from '../errors.js'
import { isSpace, quote, trimStart } from '../text.js'
import { splitWords } from './words.js'

/** The arguments of a node, and whether they were a JSON list. */
interface NodeArguments {
  readonly args: readonly string[]
  readonly json: boolean
}

/** Turns what stands behind keyword and flags into arguments. */
export type ArgumentLayout = (rest: string, escape: EscapeToken, keyword: string) => NodeArguments

const whiteSpace = /[\t\v\f\r ]+/

/** All of it as one argument, as written. */
export const wholeText: ArgumentLayout = (rest) => ({ args: rest === '' ? [] : [rest], json: false })

/** Split at white space; quotes mean nothing. */
export const spaceSeparated: ArgumentLayout = (rest) => ({
  args: rest === '' ? [] : rest.split(whiteSpace),
  json: false,
})

/** Split at white space outside quotes. */
export const quotedWords: ArgumentLayout = (rest, escape) => ({ args: splitWords(rest, escape), json: false })

/** A JSON list, else one argument. */
export const jsonOrText: ArgumentLayout = (rest, escape, keyword) => jsonList(rest) ?? wholeText(rest, escape, keyword)

/** A JSON list, else split at white space. */
export const jsonOrSpaceSeparated: ArgumentLayout = (rest, escape, keyword) =>
  jsonList(rest) ?? spaceSeparated(rest, escape, keyword)

/** One word, then a JSON list or text: HEALTHCHECK. */
export const wordThenJsonOrText: ArgumentLayout = (rest, escape, keyword) => {
  let end = 0
  while (end < rest.length && !isSpace(rest[end] as string)) end++
  if (end === 0) return { args: [], json: false }
  const { args, json } = jsonOrText(trimStart(rest.slice(end)), escape, keyword)
  return { args: [rest.slice(0, end), ...args], json }
}

/** Triples key, value, `=` (or an empty string for the old form `KEY name value`).
 * @throws {ParseError} `INSTRUCTION_INVALID` */
export const keyValues: ArgumentLayout = (rest, escape, keyword) => {
  const words = splitWords(rest, escape)
  const [first] = words
  if (first === undefined) return { args: [], json: false }
  if (!first.includes('=')) return { args: oldKeyValue(rest, keyword), json: false }
  const args = words.flatMap((word) => {
    const at = word.indexOf('=')
    if (at >= 0) return [word.slice(0, at), word.slice(at + 1), '=']
    throw new ParseError(
      'INSTRUCTION_INVALID',
      `Syntax error - can't find = in ${quote(word)}. Must be of the form: name=value`,
      { hint: 'Quote a value that has white space in it' },
    )
  })
  return { args, json: false }
}

function oldKeyValue(rest: string, keyword: string): string[] {
  const gap = whiteSpace.exec(rest)
  if (gap === null) {
    throw new ParseError('INSTRUCTION_INVALID', `${keyword.toUpperCase()} must have two arguments`, {
      hint: `Write ${keyword.toUpperCase()} name=value`,
    })
  }
  return [rest.slice(0, gap.index), rest.slice(gap.index + gap[0].length), '']
}

/** The strings of a JSON list; `undefined` where the text is none.
 * @throws {ParseError} `INSTRUCTION_INVALID` for a list with other members */
function jsonList(rest: string): NodeArguments | undefined {
  const text = trimStart(rest)
  if (!text.startsWith('[')) return undefined
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(list)) return undefined
  if (list.every((member): member is string => typeof member === 'string')) return { args: list, json: true }
  throw new ParseError(
    'INSTRUCTION_INVALID',
    'when using JSON array syntax, arrays must be comprised of strings only',
    { hint: 'Put every member in double quotes' },
  )
}
