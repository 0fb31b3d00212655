import { ParseError } from '../errors.js'
import { withSuggestion } from '../suggest.js'

type FlagType = 'string' | 'strings' | 'boolean'
type FlagSpec = Readonly<Record<string, FlagType>>

/** The values of the flags that were given; a `strings` flag is always there. */
type FlagValues<Spec extends FlagSpec> = {
  -readonly [Name in keyof Spec as Spec[Name] extends 'strings' ? Name : never]: readonly string[]
} & {
  -readonly [Name in keyof Spec as Spec[Name] extends 'string' ? Name : never]?: string
} & {
  -readonly [Name in keyof Spec as Spec[Name] extends 'boolean' ? Name : never]?: boolean
}

/** Checks flags (`--name=value`, as a node has them) against what an instruction knows.
 * @throws {ParseError} `FLAG_INVALID` */
export function parseFlags<const Spec extends FlagSpec>(flags: readonly string[], spec: Spec): FlagValues<Spec> {
  const values: Record<string, string | boolean | string[]> = {}
  for (const name in spec) if (spec[name] === 'strings') values[name] = []
  for (const flag of flags) {
    if (flag === '--') break
    const at = flag.indexOf('=')
    const name = flag.slice(2, at < 0 ? undefined : at)
    const value = at < 0 ? undefined : flag.slice(at + 1)
    const type = Object.hasOwn(spec, name) ? spec[name] : undefined
    if (type === undefined) fail(withSuggestion(`unknown flag: --${name}`, name, Object.keys(spec)))
    if (type === 'strings') {
      if (value === undefined) fail(`missing a value on flag: ${name}`)
      else (values[name] as string[]).push(value)
      continue
    }
    if (Object.hasOwn(values, name)) fail(`duplicate flag specified: ${name}`)
    if (type === 'boolean') values[name] = booleanValue(name, value)
    else values[name] = value ?? fail(`missing a value on flag: ${name}`)
  }
  return values as FlagValues<Spec>
}

function booleanValue(name: string, value: string | undefined): boolean {
  if (value === '') fail(`missing a value on flag: ${name}`)
  const lower = (value ?? 'true').toLowerCase()
  if (lower === 'true' || lower === 'false') return lower === 'true'
  return fail(`expecting boolean value for flag ${name}, not: ${value}`)
}

function fail(message: string): never {
  throw new ParseError('FLAG_INVALID', message)
}

/** Go's strconv.ParseBool. */
export function parseBoolean(value: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false
  return undefined
}
