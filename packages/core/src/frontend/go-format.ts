import type { HealthcheckConfig } from '@tsbuild/spec'

/** Go's `%v` of a list of strings. */
export function goList(items: readonly string[]): string {
  return `[${items.join(' ')}]`
}

/** Go's `%q` of a list of strings. */
export function goQuotedList(items: readonly string[]): string {
  return `[${items.map(goQuote).join(' ')}]`
}

/** Go's `%q` of a string (strconv.Quote). */
export function goQuote(text: string): string {
  return `"${[...text].map((char) => escapeChar(char, '"')).join('')}"`
}

const named: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
}

function escapeChar(char: string, quote: string): string {
  if (char === quote) return `\\${quote}`
  const short = named[char]
  if (short !== undefined) return short
  const code = char.codePointAt(0) ?? 0
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code < 0x7f || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) return char
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Go's time.Duration.String() of nanoseconds. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  const sign = nanoseconds < 0 ? '-' : ''
  const ns = Math.abs(nanoseconds)
  if (ns < 1e3) return `${sign}${ns}ns`
  if (ns < 1e6) return `${sign}${ns / 1e3}µs`
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`
  const hours = Math.floor(ns / 3.6e12)
  const minutes = Math.floor((ns % 3.6e12) / 6e10)
  const seconds = (ns % 6e10) / 1e9
  return `${sign}${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`
}

/** Go's `%q` of a pointer to the health check, which is what BuildKit puts into history. */
export function goHealthcheck(check: HealthcheckConfig): string {
  const durations = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval].map(
    (ns) => `"${goDuration(ns ?? 0)}"`,
  )
  const retries = `'${escapeChar(String.fromCodePoint(check.Retries ?? 0), "'")}'`
  return `&{${goQuotedList(check.Test ?? [])} ${durations.join(' ')} ${retries}}`
}
