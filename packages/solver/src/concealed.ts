import { type CacheRecord, canonicalDigest, type Digest, type JsonValue } from '@tsbuild/spec'

/** Stands for a part of a name that a record does not show. */
export const concealedText = '***'

/** What a record has of an input whose value it does not show: enough to tell whether another value is the same. */
export function concealValue(value: JsonValue): JsonValue {
  return isConcealed(value) ? value : { concealed: concealedDigest(value) }
}

/** Whether a record does not show this value. */
export function isConcealed(value: JsonValue | undefined): value is { readonly concealed: Digest } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'concealed' in value
}

/** Whether a value may be the one that stands concealed in a record. */
export function isConcealedValue(concealed: JsonValue, value: JsonValue): boolean {
  return isConcealed(concealed) && concealed.concealed === concealedDigest(value)
}

/** Whether a text may be the one of which a record does not show every part. */
export function isConcealedName(concealed: string, text: string): boolean {
  const parts = concealed.split(concealedText)
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  if (parts.length < 2 || !text.startsWith(first)) return false
  let from = first.length
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from)
    if (at < 0) return false
    from = at + part.length
  }
  return text.length - last.length >= from && text.endsWith(last)
}

/** Whether a record tells nothing of its step but its key. */
export function isKeyOnly({ inputs, name }: CacheRecord): boolean {
  return inputs.length === 0 && name === undefined
}

function concealedDigest(value: JsonValue): Digest {
  return canonicalDigest(['concealed', value])
}
