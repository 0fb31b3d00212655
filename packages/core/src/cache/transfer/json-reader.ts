import { type Digest, isDigest, type JsonValue } from '@tsbuild/spec'
import { CoreError } from '../../errors.js'

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

  /** A finite number, 0 or more. */
  number(): number {
    if (typeof this.#value !== 'number' || !Number.isFinite(this.#value) || this.#value < 0)
      throw this.#wrong('a number')
    return this.#value
  }

  json(): JsonValue {
    if (this.#value === undefined) throw this.#wrong('there')
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
