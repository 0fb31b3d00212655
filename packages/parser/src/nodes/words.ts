import type { EscapeToken } from '../ast.js'
import { isSpace } from '../text.js'

/** Splits at white space outside quotes. Quotes and escapes stay: expansion takes them off later. */
export function splitWords(text: string, escape: EscapeToken): string[] {
  const words: string[] = []
  let at = 0
  for (;;) {
    while (at < text.length && isSpace(text[at] as string)) at++
    if (at >= text.length) return words
    const word = readWord(text, at, escape)
    at = word.end
    if (word.text !== '') words.push(word.text)
  }
}

function readWord(text: string, start: number, escape: EscapeToken): { readonly text: string; readonly end: number } {
  let word = ''
  let open = ''
  let at = start
  for (; at < text.length; at++) {
    const char = text[at] as string
    if (open === '' && isSpace(char)) break
    if (char === escape && open !== "'") {
      // An escape at the very end stands for nothing.
      if (at + 1 === text.length) continue
      word += char + (text[++at] as string)
      continue
    }
    if (open === '' && (char === '"' || char === "'")) open = char
    else if (char === open) open = ''
    word += char
  }
  return { text: word, end: at }
}
