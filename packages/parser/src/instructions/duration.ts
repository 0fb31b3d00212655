import { quote } from '../text.js'
import { invalid } from './checks.js'

const unitNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** Nanoseconds of a duration in Go's form: `1h30m`, `1.5s`, `300ms`, `0`; a sign may stand in front.
 * @throws {ParseError} `INSTRUCTION_INVALID` */
export function parseDuration(text: string): number {
  const malformed = (): never => invalid(`time: invalid duration ${quote(text)}`, 'Write it like 1m30s or 500ms')
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  if (rest === '0') return 0
  if (rest === '') malformed()
  let total = 0
  let left = rest
  while (left !== '') {
    const match = /^(\d+(?:\.\d*)?|\.\d+)([^\d.]*)/.exec(left)
    if (match === null) return malformed()
    const [whole, count = '', unit = ''] = match
    if (unit === '') invalid(`time: missing unit in duration ${quote(text)}`)
    const factor = Object.hasOwn(unitNs, unit) ? unitNs[unit] : undefined
    if (factor === undefined) return invalid(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`)
    total += Math.trunc(Number(count) * factor)
    if (total > 2 ** 63) malformed()
    left = left.slice(whole.length)
  }
  return sign === '-' ? -total : total
}

/** The shortest of `ns`, `µs`, `ms` and `s` that is a whole number. */
export function formatDuration(ns: number): string {
  for (const unit of ['s', 'ms', 'µs'] as const) {
    const factor = unitNs[unit] as number
    if (ns % factor === 0) return `${ns / factor}${unit}`
  }
  return `${ns}ns`
}
