import { parseBoolean } from './booleans.js'
import { badFlag, type CliError } from './errors.js'

export interface SpecMembersOptions {
  /** The flag that they were given to. */
  readonly flag: string
  /** The whole value as messages quote it. */
  readonly shown: string
  /** Says whether it has dealt with a member itself; `key` as it was written. */
  readonly takes?: (key: string, value: string) => boolean
}

/** The members of a flag's value such as `type=oci,dest=x`. Keys are in lower case; the last one of a key counts. Everything that reads
 * them throws {@link CliError} `ARGUMENT_INVALID` for what it does not understand. */
export class SpecMembers {
  readonly #flag: string
  readonly #shown: string
  readonly #values = new Map<string, string>()

  constructor(fields: readonly string[], { flag, shown, takes = () => false }: SpecMembersOptions) {
    this.#flag = flag
    this.#shown = shown
    for (const field of fields) {
      const equals = field.indexOf('=')
      if (equals < 0) throw this.bad(`"${field}" is not key=value`)
      const key = field.slice(0, equals).trim()
      const value = field.slice(equals + 1)
      if (!takes(key, value)) this.#values.set(key.toLowerCase(), value)
    }
  }

  /** The member `type`. @param example hint where there is none */
  type<T extends string>(keysOf: Readonly<Record<T, readonly string[]>>, example: string): T {
    const type = this.get('type')
    if (type === undefined) throw this.bad('it has no type', `Name one, e.g. ${example}`)
    const known = Object.keys(keysOf) as T[]
    const found = known.find((name) => name === type)
    if (found !== undefined) return found
    throw this.bad(`type "${type}" is unknown`, `Known types: ${known.join(', ')}`)
  }

  /** Refuses keys that the type does not have. */
  limitTo(type: string, known: readonly string[]): void {
    for (const key of this.#values.keys()) {
      if (key === 'type' || known.includes(key)) continue
      throw this.bad(`type=${type} has no key "${key}"`, `Known keys: ${known.join(', ') || 'none'}`)
    }
  }

  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  flag(key: string): boolean | undefined {
    const value = this.get(key)
    return value === undefined ? undefined : parseBoolean(`${this.#flag} ${key}`, value)
  }

  number(key: string): number | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    if (/^\d{1,15}$/.test(value)) return Number(value)
    throw this.bad(`${key} "${value}" is not a whole number`)
  }

  choice<T extends string>(key: string, known: readonly T[]): T | undefined {
    const value = this.get(key)
    const found = known.find((name) => name === value)
    if (value === undefined || found !== undefined) return found
    throw this.bad(`${key} "${value}" is unknown`, `Known: ${known.join(', ')}`)
  }

  bad(state: string, hint?: string): CliError {
    return badFlag(this.#flag, this.#shown, state, hint)
  }
}

/** What `compression…` says of layers. */
export interface CompressionMembers {
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed'
  readonly compressionLevel?: number
  readonly forceCompression?: boolean
}

/** Reads `compression`, `compression-level` and `force-compression`. @throws {CliError} `ARGUMENT_INVALID` */
export function compressionMembers(members: SpecMembers): CompressionMembers {
  const level = members.number('compression-level')
  const force = members.flag('force-compression')
  const compression = members.choice('compression', ['gzip', 'zstd', 'uncompressed'])
  return {
    ...(compression === undefined ? {} : { compression }),
    ...(level === undefined ? {} : { compressionLevel: level }),
    ...(force === undefined ? {} : { forceCompression: force }),
  }
}
