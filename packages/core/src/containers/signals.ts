import { constants } from 'node:os'
import { CoreError } from '../errors.js'

const names = new Map(Object.entries(constants.signals))
/** The kernel's numbers; 34 is the first that libraries leave to programs. */
const realTime = { min: 34, max: 64 }

/** Number of a signal: `SIGTERM`, `term`, `15`, `SIGRTMIN+3`. @throws {CoreError} `OPTION_INVALID` */
export function signalNumber(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text)
    if (number >= 1 && number <= realTime.max) return number
  }
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG')
  const known = names.get(name) ?? realTimeNumber(name)
  if (known !== undefined) return known
  throw new CoreError('OPTION_INVALID', `Cannot use signal "${text}": there is no such signal`)
}

function realTimeNumber(name: string): number | undefined {
  const [, end, sign = '+', offset = '0'] = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? []
  if (end === undefined) return undefined
  const number = (end === 'MIN' ? realTime.min : realTime.max) + Number(`${sign}${offset}`)
  return number >= realTime.min && number <= realTime.max ? number : undefined
}
