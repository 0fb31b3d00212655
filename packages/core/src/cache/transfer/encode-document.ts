import { canonicalJson, type JsonValue } from '@tsbuild/spec'
import { pauses } from '../../frontend/pauses.js'
import { type CacheDocument, cacheFormat } from './cache-document.js'

/** What is put together at a time. */
const partChars = 64 << 10

/** The canonical JSON of `writeCacheDocument`, in parts: others have their turn in between. */
export async function encodeCacheDocument(document: CacheDocument): Promise<Uint8Array> {
  const pause = pauses()
  const parts: Buffer[] = []
  let text = ''
  for (const piece of piecesOf(document)) {
    text += piece
    if (text.length >= partChars) {
      parts.push(Buffer.from(text, 'utf8'))
      text = ''
    }
    await pause()
  }
  parts.push(Buffer.from(text, 'utf8'))
  return await joined(parts, pause)
}

async function joined(parts: readonly Buffer[], pause: () => Promise<void> | undefined): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
    await pause()
  }
  return bytes
}

/** Members in the order of their names. */
function* piecesOf({ records, layers, digests, mounts }: CacheDocument): Generator<string> {
  yield '{"digests":{'
  let comma = ''
  for (const key of [...digests.keys()].sort()) {
    yield `${comma}${JSON.stringify(key)}:${canonicalJson(digests.get(key) as JsonValue)}`
    comma = ','
  }
  yield '}'
  yield* listOf('layers', layers)
  if (mounts.length > 0) yield* listOf('mounts', mounts)
  yield* listOf('records', records)
  yield `,"version":${cacheFormat}}`
}

function* listOf(name: string, items: readonly unknown[]): Generator<string> {
  yield `,"${name}":[`
  let comma = ''
  for (const item of items) {
    yield comma + canonicalJson(item as JsonValue)
    comma = ','
  }
  yield ']'
}
