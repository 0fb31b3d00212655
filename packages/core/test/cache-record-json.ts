import type { MemoryCacheBackend } from './memory-cache-backend.js'

/** A record as tests change it. */
export interface RecordJson {
  readonly records: { readonly name?: string; createdAt: number }[]
  readonly layers: { readonly name: string; createdAt: number }[]
  readonly digests: Record<string, { digest: string }>
  mounts?: object[]
}

export function recordOf({ record }: MemoryCacheBackend): RecordJson {
  if (record === undefined) throw new Error('there is no record')
  return JSON.parse(Buffer.from(record).toString()) as RecordJson
}

/** Changes what a backend's record says. */
export function changeRecord(backend: MemoryCacheBackend, change: (record: RecordJson) => void): void {
  const record = recordOf(backend)
  change(record)
  backend.record = Buffer.from(JSON.stringify(record))
}
