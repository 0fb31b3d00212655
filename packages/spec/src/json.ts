import { SpecError } from './errors.js'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }

/** Encodes JSON one way only: no white space, keys in the order of their UTF-16 units, `undefined` members left out.
 * Image configs, manifests and indexes are written with it, so that equal content has equal digests. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item as JsonValue)).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const object = value as { readonly [key: string]: JsonValue | undefined }
    const members = Object.keys(object)
      .filter((key) => object[key] !== undefined)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key] as JsonValue)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value)
}

/** Parses JSON that came from outside.
 * @throws {SpecError} `JSON_INVALID`, naming `what` */
export function parseJson(text: string, what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    throw new SpecError('JSON_INVALID', `Cannot parse ${what}: ${(cause as Error).message}`, { cause })
  }
}
