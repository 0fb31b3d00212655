import type { JsonValue } from './json.js'

/** Rows of one kind in the metadata database. Reads are synchronous (memory-mapped); writes resolve when they are visible to every process. */
export interface Table<Value extends JsonValue | Uint8Array> {
  get(key: string): Value | undefined
  has(key: string): boolean
  /** Rows whose key begins with `prefix`, in key order. */
  entries(prefix?: string): Iterable<{ readonly key: string; readonly value: Value }>
  put(key: string, value: Value): Promise<void>
  /** Several puts and removals (value `undefined`) that become visible together. */
  batch(changes: readonly (readonly [key: string, value: Value | undefined])[]): Promise<void>
  remove(key: string): Promise<void>
}

/** The metadata database of a root folder. */
export interface Metadata {
  /** Rows of JSON values; keys up to 1,900 bytes of UTF-8. The same name gives the same table in every process. */
  table<Value extends JsonValue>(name: string): Table<Value>
  /** Rows of bytes. */
  binaryTable(name: string): Table<Uint8Array>
}
