import { concealedText, concealValue } from '@tsbuild/solver'
import { type CacheRecord, isDigest, type JsonValue } from '@tsbuild/spec'

/** Shorter values are left alone in names: they would turn up everywhere. */
const shortestValue = 3

/** Takes out of records what others should not read. What they are found by stays: only names and inputs change.
 *
 * Values of the environment leave as digests, and so does every other value that has one of them, a build argument or credentials of a
 * URL in it. In names these parts are hidden. What has been concealed already stays as it is. */
export class RecordConcealer {
  readonly #values: readonly string[]

  /** @param values of the build's arguments */
  constructor(values: Iterable<string>) {
    this.#values = [...values]
  }

  /** A text of no step. */
  concealText(text: string): string {
    return maskOf(this.#values)(text)
  }

  conceal(record: CacheRecord): CacheRecord {
    const { name, inputs } = record
    const isEnv = (input: string) => record.kind === 'exec' && input.startsWith('env ')
    const env = inputs.flatMap(({ name, value }) => (isEnv(name) && typeof value === 'string' ? [value] : []))
    const mask = maskOf([...this.#values, ...env])
    const names = new Map<string, number>()
    return {
      ...record,
      ...(name === undefined ? {} : { name: mask(name) }),
      inputs: inputs.map((input) => ({
        name: anotherName(names, mask(input.name)),
        value: isEnv(input.name) || hasHidden(input.value, mask) ? concealValue(input.value) : input.value,
      })),
    }
  }
}

type Mask = (text: string) => string

function maskOf(values: readonly string[]): Mask {
  const hidden = [...new Set(values.flatMap(formsOf))].sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
  return (text) => {
    let shown = maskUrls(text)
    for (const value of hidden) if (shown.includes(value)) shown = shown.replaceAll(value, () => concealedText)
    return shown
  }
}

/** A name may have a value of several lines, or only a line of it. */
function formsOf(value: string): string[] {
  const lines = value.includes('\n') ? value.split(/\r?\n/) : []
  return [value, ...lines].map((form) => form.trim()).filter(({ length }) => length >= shortestValue)
}

/** User names and passwords, and what is asked for: a query may be signed. */
function maskUrls(text: string): string {
  if (!text.includes('://')) return text
  return text
    .replace(/(https?:\/\/)[^\s/?#]*@/gi, `$1${concealedText}@`)
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*):[^\s/?#]*@/gi, `$1:${concealedText}@`)
    .replace(/(https?:\/\/[^\s?#"'`]*\?)[^\s#"'`]+/gi, `$1${concealedText}`)
}

function hasHidden(value: JsonValue, mask: Mask): boolean {
  if (typeof value === 'string') return !isDigest(value) && mask(value) !== value
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some((item) => hasHidden(item as JsonValue, mask))
}

/** Names of inputs stay different, and still fit what they were. */
function anotherName(names: Map<string, number>, name: string): string {
  const count = (names.get(name) ?? 0) + 1
  names.set(name, count)
  return count === 1 ? name : name.replace(concealedText, concealedText.repeat(count))
}
