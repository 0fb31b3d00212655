import { badFlag } from '../errors.js'

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds of a duration as Go writes it: `1m30s`, `1.5h`, `250ms`; `undefined` where it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let ms = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(number) * (units[unit ?? ''] ?? 0)
  }
  return ms
}

/** @throws {CliError} `ARGUMENT_INVALID` */
export function durationFlag(flag: string, text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw badFlag(flag, text, 'not a duration', 'e.g. 30s or 1m30s')
  return ms
}

/** A time in milliseconds since the epoch: RFC 3339 (also cut short, in the local zone), seconds since 1970, or how long ago.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function timeFlag(flag: string, text: string, now: number): number {
  const ago = parseDuration(text)
  if (ago !== undefined && text !== '0') return now - ago
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text
  const at = /^\d{4}-\d\d-\d\dT/.test(date) ? Date.parse(date) : Number.NaN
  if (Number.isNaN(at)) throw badFlag(flag, text, 'not a time', 'e.g. 2026-01-31T12:00:00Z, 1767225600 or 10m')
  return at
}
