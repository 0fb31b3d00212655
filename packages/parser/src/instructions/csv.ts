import { invalid } from './checks.js'

/** The fields of one CSV line: `a,"b,c",d` has three; `""` in quotes is one quote.
 * @throws {ParseError} `INSTRUCTION_INVALID` */
export function csvFields(text: string): string[] {
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (text[at] === '"') {
      const { value, end } = quotedField(text, at + 1)
      fields.push(value)
      at = end
    } else {
      const comma = text.indexOf(',', at)
      const value = text.slice(at, comma < 0 ? undefined : comma)
      if (value.includes('"'))
        invalid(`parse error on line 1, column ${at + value.indexOf('"') + 1}: bare " in non-quoted-field`)
      fields.push(value)
      at = comma < 0 ? text.length : comma
    }
    if (at >= text.length) return fields
    if (text[at] !== ',') invalid(`parse error on line 1, column ${at + 1}: extraneous or missing " in quoted-field`)
    at++
  }
}

function quotedField(text: string, start: number): { readonly value: string; readonly end: number } {
  let value = ''
  let at = start
  for (;;) {
    const close = text.indexOf('"', at)
    if (close < 0) invalid(`parse error on line 1, column ${text.length + 1}: extraneous or missing " in quoted-field`)
    value += text.slice(at, close)
    if (text[close + 1] !== '"') return { value, end: close + 1 }
    value += '"'
    at = close + 2
  }
}

/** A field as key and value; the key in lower case, no value without `=`. */
export function splitField(field: string): { readonly key: string; readonly value?: string } {
  const at = field.indexOf('=')
  return at < 0 ? { key: field.toLowerCase() } : { key: field.slice(0, at).toLowerCase(), value: field.slice(at + 1) }
}
