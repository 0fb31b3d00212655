/** Characters that Go's unicode.IsSpace takes for white space, as the inside of a regular expression's class.
 * (JavaScript's \s lacks U+0085 and has U+FEFF.) */
const spaceClass = '\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const space = new RegExp(`^[${spaceClass}]$`)
const leading = new RegExp(`^[${spaceClass}]+`)

export function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || space.test(char)
}

export function trimStart(text: string): string {
  return text.replace(leading, '')
}

/** Trims both ends, in linear time whatever the text. */
export function trim(text: string): string {
  let end = text.length
  while (end > 0 && isSpace(text[end - 1] as string)) end--
  return trimStart(text.slice(0, end))
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Bytes that are not UTF-8 become U+FFFD. */
export function decode(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : decoder.decode(text)
}

export function withoutBom(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

const controls: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}

/** Quotes as Go's %q does: what is not printable becomes an escape. */
export function quote(text: string): string {
  let out = '"'
  for (const char of text) out += controls[char] ?? (printable(char) ? char : escapeCode(char))
  return `${out}"`
}

function printable(char: string): boolean {
  return char === ' ' || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(char)
}

function escapeCode(char: string): string {
  const code = char.codePointAt(0) as number
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}
