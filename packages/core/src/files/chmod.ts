import { CoreError } from '../errors.js'
import { isDirectory, modeMask } from './file-types.js'

/** `--chmod`. */
export interface Chmod {
  /** Permission bits that a path of this mode gets. */
  apply(mode: number): number
  /** What directories get that are made on the way; `undefined` for the usual 0755. */
  readonly directoryMode: number | undefined
}

/** Reads octal digits, or chmod(1)'s symbolic form (`u+x,go=rX`), where the umask plays no part.
 * @throws {CoreError} `COPY_INVALID` */
export function parseChmod(text: string): Chmod {
  if (/^[0-7]+$/.test(text)) {
    const mode = Number.parseInt(text, 8)
    if (mode > modeMask) throw invalid(text)
    return { apply: () => mode, directoryMode: mode }
  }
  const clauses = text.split(',').map((clause) => parseClause(clause, text))
  return {
    apply: (mode) => clauses.reduce((bits, clause) => clause(bits, isDirectory(mode)), mode & modeMask),
    directoryMode: undefined,
  }
}

type Clause = (bits: number, directory: boolean) => number

const whoShifts: Readonly<Record<string, readonly number[]>> = { u: [6], g: [3], o: [0], a: [6, 3, 0] }

function parseClause(clause: string, text: string): Clause {
  const parts = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause)
  if (parts === null) throw invalid(text)
  const [, who = '', actions = ''] = parts
  const shifts = [...(who === '' ? 'a' : who)].flatMap((letter) => whoShifts[letter] ?? [])
  const steps = [...actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)].map(([, operator = '', what = '']) => ({
    operator,
    what,
  }))
  return (bits, directory) =>
    steps.reduce((now, { operator, what }) => change(now, operator, what, { shifts, directory }), bits)
}

interface Target {
  readonly shifts: readonly number[]
  readonly directory: boolean
}

function change(bits: number, operator: string, what: string, { shifts, directory }: Target): number {
  let wanted = 0
  let touched = 0
  for (const shift of shifts) {
    wanted |= permissions(bits, what, directory) << shift
    touched |= 0o7 << shift
    if (shift === 6) touched |= 0o4000
    if (shift === 3) touched |= 0o2000
    if (what.includes('s')) wanted |= shift === 6 ? 0o4000 : shift === 3 ? 0o2000 : 0
  }
  if (what.includes('t')) wanted |= 0o1000
  if (shifts.length === 3) touched |= 0o1000
  if (operator === '+') return bits | wanted
  return operator === '-' ? bits & ~wanted : (bits & ~touched) | wanted
}

function permissions(bits: number, what: string, directory: boolean): number {
  if (what === 'u' || what === 'g' || what === 'o') return (bits >> (whoShifts[what]?.[0] ?? 0)) & 0o7
  let out = 0
  if (what.includes('r')) out |= 4
  if (what.includes('w')) out |= 2
  if (what.includes('x') || (what.includes('X') && (directory || (bits & 0o111) !== 0))) out |= 1
  return out
}

function invalid(text: string): CoreError {
  return new CoreError('COPY_INVALID', `Cannot use the mode "${text}": it is neither octal nor symbolic as for chmod`, {
    hint: 'For example --chmod=755 or --chmod=u=rwX,go=rX',
  })
}
