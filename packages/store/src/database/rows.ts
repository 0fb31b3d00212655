import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError } from '../errors.js'
import type { Reader, Transaction } from './database.js'

const keyBytes = 1900
const rowsPerTurn = 50
const separator = '\0'
/** No byte of UTF-8 is as high: `prefix` + this one ends the range of `prefix`. */
const end = Buffer.from([0xff])

/** One key for all tables: `<table> NUL <key>`; one tree opens faster than one for each table.
 * @throws {StoreError} `METADATA_KEY_INVALID` */
export function rowKey(table: string, key: string): Buffer {
  const bytes = Buffer.from(`${table}${separator}${key}`)
  if (bytes.length - table.length - 1 > keyBytes) {
    throw new StoreError('METADATA_KEY_INVALID', `Cannot use key "${key.slice(0, 60)}…": longer than ${keyBytes} bytes`)
  }
  return bytes
}

/** @throws {StoreError} `METADATA_KEY_INVALID` */
export function checkTableName(table: string): string {
  if (/^[\w.-]{1,62}$/.test(table)) return table
  throw new StoreError(
    'METADATA_KEY_INVALID',
    `Cannot use table "${table.slice(0, 60)}": not 1 to 60 letters, digits, ".", "_" or "-"`,
  )
}

/** First key behind all keys that begin with `prefix`. */
export function rangeEnd(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, end])
}

/** How the rows of one table are read and put; holds no database, so it serves inside transactions, too. */
export interface Rows<Value> {
  key(key: string): Buffer
  encode(value: Value): Uint8Array
  get(from: Reader, key: string): Value | undefined
  has(from: Reader, key: string): boolean
  /** With `after` only rows whose key sorts behind it. */
  entries(from: Reader, prefix?: string, after?: string): Generator<{ readonly key: string; readonly value: Value }>
  /** All rows as they are now, handed out a few at a time: other tasks of this thread run in between. */
  unhurried(from: Reader): AsyncGenerator<{ readonly key: string; readonly value: Value }>
  put(tx: Transaction, key: string, value: Value): void
  remove(tx: Transaction, key: string): void
}

/** Rows of JSON values. */
export function jsonRows<Value>(table: string): Rows<Value> {
  return rows<Value>(
    table,
    (value) => Buffer.from(JSON.stringify(value)),
    (bytes) => JSON.parse(bytes.toString('utf8')) as Value,
  )
}

/** Rows of bytes. */
export function binaryRows(table: string): Rows<Uint8Array> {
  return rows<Uint8Array>(
    table,
    // A copy: the caller may use its buffer again while the row waits to be written.
    (value) => Buffer.from(value),
    (bytes) => bytes,
  )
}

function rows<Value>(
  name: string,
  encode: (value: Value) => Uint8Array,
  decode: (bytes: Buffer) => Value,
): Rows<Value> {
  const table = checkTableName(name)
  const key = (text: string) => rowKey(table, text)
  return {
    key,
    encode,
    get(from, text) {
      const bytes = from.get(key(text))
      return bytes && decode(bytes)
    },
    has: (from, text) => from.has(key(text)),
    *entries(from, prefix = '', after) {
      for (const row of from.range(key(prefix), after === undefined ? undefined : key(after))) {
        yield { key: row.key.toString('utf8', table.length + 1), value: decode(row.value) }
      }
    },
    async *unhurried(from) {
      // Decoding is what takes time; an open cursor must not outlive a turn of the event loop.
      const all = [...from.range(key(''))]
      for (const [index, row] of all.entries()) {
        if (index % rowsPerTurn === rowsPerTurn - 1) await nextTurn()
        yield { key: row.key.toString('utf8', table.length + 1), value: decode(row.value) }
      }
    },
    put: (tx, text, value) => tx.put(key(text), encode(value)),
    remove: (tx, text) => tx.remove(key(text)),
  }
}
