import type { JsonValue, Metadata, Table } from '@tsbuild/spec'
import type { Database } from './database.js'
import { binaryRows, checkTableName, jsonRows, type Rows } from './rows.js'

/** Tables of users of the store stand apart from the store's own by this prefix. */
const prefix = 't.'

export function createMetadata(db: Database): Metadata {
  return {
    table: <Value extends JsonValue>(name: string) => createTable(db, jsonRows<Value>(prefix + checkTableName(name))),
    binaryTable: (name) => createTable(db, binaryRows(prefix + checkTableName(name))),
  }
}

function createTable<Value extends JsonValue | Uint8Array>(db: Database, rows: Rows<Value>): Table<Value> {
  const change = (key: string, value: Value | undefined) =>
    [rows.key(key), value === undefined ? undefined : rows.encode(value)] as const
  return {
    get: (key) => rows.get(db, key),
    has: (key) => rows.has(db, key),
    entries: (start) => rows.entries(db, start),
    put: async (key, value) => db.batch([change(key, value)]),
    batch: async (changes) => db.batch(changes.map(([key, value]) => change(key, value))),
    remove: async (key) => db.batch([change(key, undefined)]),
  }
}
