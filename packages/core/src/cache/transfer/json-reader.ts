import { type Digest, isDigest, type JsonValue } from '@tsbuild/spec'
import { CoreError } from '../../errors.js'

/** The last time that a date can have, in milliseconds since the epoch. */
const lastTime = 8.64e15
/** Lists and objects that a value may have within one another. Far more than is ever written, and far less than a stack holds. */
const maxDepth = 64

/** Reads JSON that came from outside, member by member; whatever is not as it should be is named by its path.
 *
 * Every method throws {CoreError} `CACHE_INVALID`. */
export class JsonReader {
  readonly #value: unknown
  readonly #path: string

  constructor(value: unknown, path: string) {
    this.#value = value
    this.#path = path
  }

  /** The member, which may be missing. */
  at(name: string): JsonReader {
    const object = this.#object()
    return new JsonReader(Object.hasOwn(object, name) ? object[name] : undefined, `${this.#path}.${name}`)
  }

  get isMissing(): boolean {
    return this.#value === undefined
  }

  items(): JsonReader[] {
    const value = this.#value
    if (!Array.isArray(value)) throw this.#wrong('a list')
    return value.map((item, index) => new JsonReader(item, `${this.#path}[${index}]`))
  }

  entries(): [name: string, value: JsonReader][] {
    return Object.entries(this.#object()).map(([name, value]) => [name, new JsonReader(value, `${this.#path}.${name}`)])
  }

  string(): string {
    if (typeof this.#value !== 'string') throw this.#wrong('a string')
    return this.#value
  }

  /** A string of this form. */
  text(form: RegExp, what: string): string {
    const text = this.string()
    if (!form.test(text)) throw this.#wrong(what)
    return text
  }

  digest(): Digest {
    const text = this.string()
    if (!isDigest(text)) throw this.#wrong('a digest')
    return text
  }

  /** A whole number, 0 or more. */
  count(): number {
    if (!Number.isSafeInteger(this.#value) || (this.#value as number) < 0) throw this.#wrong('a count')
    return this.#value as number
  }

  /** Milliseconds, 0 or more, that a date can have. */
  milliseconds(): number {
    const value = this.#value
    if (typeof value !== 'number' || !(value >= 0 && value <= lastTime)) throw this.#wrong('a time')
    return value
  }

  /** Milliseconds since the epoch; what lies ahead, by the clock of another machine, is now. */
  pastTime(): number {
    return Math.min(this.milliseconds(), Date.now())
  }

  json(): JsonValue {
    if (this.#value === undefined) throw this.#wrong('there')
    if (isDeeper(this.#value, maxDepth)) throw this.#wrong(`nested less than ${maxDepth} deep`)
    return this.#value as JsonValue
  }

  #object(): Record<string, unknown> {
    if (typeof this.#value !== 'object' || this.#value === null || Array.isArray(this.#value))
      throw this.#wrong('an object')
    return this.#value as Record<string, unknown>
  }

  #wrong(what: string): CoreError {
    return new CoreError('CACHE_INVALID', `Cannot read a cache: ${this.#path} is not ${what}`)
  }
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1))
}
