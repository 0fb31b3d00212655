import { constants } from 'node:os'
import { CoreError } from './errors.js'

/** The kernel's numbers; 34 is the first that libraries leave to programs. */
const realTime = { min: 34, max: 64 }

/** Docker's names, without `SIG`. */
const numbers = new Map<string, number>([
  ...Object.entries(constants.signals).map(([name, number]) => [name.slice('SIG'.length), number] as const),
  ['CLD', constants.signals.SIGCHLD],
  ['RTMIN', realTime.min],
  ['RTMAX', realTime.max],
  ...Array.from({ length: 15 }, (_, at) => [`RTMIN+${at + 1}`, realTime.min + at + 1] as const),
  ...Array.from({ length: 14 }, (_, at) => [`RTMAX-${at + 1}`, realTime.max - at - 1] as const),
])

/** Number of a signal as Docker reads it: any number but 0, or a name of Linux with or without `SIG`, in either case.
 * `undefined`: there is none of that name. */
export function findSignal(text: string): number | undefined {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : undefined
  if (number === undefined) return numbers.get(text.toUpperCase().replace(/^SIG/, ''))
  return number !== 0 && Number.isSafeInteger(number) ? number : undefined
}

/** @throws {CoreError} `OPTION_INVALID`: `findSignal()` finds none */
export function checkSignal(text: string): void {
  if (findSignal(text) === undefined) throw noSignal(text)
}

/** Number of a signal that can be sent. @throws {CoreError} `OPTION_INVALID`: the kernel has none such */
export function signalNumber(text: string): number {
  const number = findSignal(text)
  if (number === undefined || number < 1 || number > realTime.max) throw noSignal(text)
  return number
}

/** Number of the signal that ends a container whose stop signal is `text`: an image may name one that the kernel lacks,
 * and then nothing but SIGKILL is left. */
export function stopSignalNumber(text: string): number {
  const number = findSignal(text) ?? 0
  return number >= 1 && number <= realTime.max ? number : constants.signals.SIGKILL
}

function noSignal(text: string): CoreError {
  return new CoreError('OPTION_INVALID', `Cannot use signal "${text}": there is no such signal`)
}
