import { isSpace, trim } from '../text.js'

/** A logical line taken apart. */
export interface SplitLine {
  readonly keyword: string
  readonly flags: readonly string[]
  readonly rest: string
}

/** Splits `KEYWORD --flag=value … rest`. */
export function splitLine(line: string): SplitLine {
  const text = trim(line)
  const gap = /[\t\v\f\r ]+/.exec(text)
  if (gap === null) return { keyword: text, flags: [], rest: '' }
  const { flags, rest } = splitFlags(text.slice(gap.index + gap[0].length))
  return { keyword: text.slice(0, gap.index), flags, rest: trim(rest) }
}

/** Takes the words that start with `--` off the front; a bare `--` ends them. Quotes and backslashes go. */
function splitFlags(line: string): { readonly flags: string[]; readonly rest: string } {
  const flags: string[] = []
  let at = 0
  for (;;) {
    while (at < line.length && isSpace(line[at] as string)) at++
    if (!line.startsWith('--', at)) return { flags, rest: line.slice(at) }
    const word = readWord(line, at)
    at = word.end
    if (word.text === '--') return { flags, rest: line.slice(at) }
    flags.push(word.text)
  }
}

function readWord(line: string, start: number): { readonly text: string; readonly end: number } {
  let text = ''
  let open = ''
  let at = start
  for (; at < line.length; at++) {
    let char = line[at] as string
    if (open === '' && isSpace(char)) break
    if (open === '' ? char === '"' || char === "'" : char === open) {
      open = open === '' ? char : ''
      continue
    }
    if (char === '\\') {
      if (++at === line.length) break
      char = line[at] as string
    }
    text += char
  }
  return { text, end: at }
}
