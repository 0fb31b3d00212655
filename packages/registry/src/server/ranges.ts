/** Bytes `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What a `Range` header asks for (RFC 9110, section 14): one range of bytes; `all` where it is absent, not understood, or asks for
 * several; `none` where nothing of it is there.
 * @param size of the whole, in bytes */
export function parseRange(header: string | undefined, size: number): ByteRange | 'all' | 'none' {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '')
  if (match === null) return 'all'
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return 'all'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'none' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'all'
  if (start >= size) return 'none'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}

/** The `Content-Range` of an uploaded chunk: `<start>-<end>`, as the distribution spec writes it, or as HTTP does; `undefined` where
 * it is malformed. */
export function parseChunkRange(header: string): ByteRange | undefined {
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim())
  if (match === null) return undefined
  const range = { start: Number(match[1]), end: Number(match[2]) }
  return range.end < range.start ? undefined : range
}
