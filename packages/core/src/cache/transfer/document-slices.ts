import type { CacheRecord, JsonValue } from '@tsbuild/spec'
import type { SelectionDigest } from '../../files/index.js'
import type { CacheDocument, ExportedLayer } from './cache-document.js'

/** Characters of JSON that one slice has, more or less: reading them takes less than a millisecond. */
const sliceChars = 64 << 10

type Piece =
  | { readonly record: CacheRecord }
  | { readonly layer: ExportedLayer }
  | { readonly digest: readonly [key: string, digest: SelectionDigest] }
  | { readonly mount: JsonValue }

/** A document as JSON lists that take about as long to read; {@link DocumentAssembler} puts them together. */
export function* slicesOf(document: Partial<CacheDocument>): Generator<string> {
  let slice = ''
  for (const piece of piecesOf(document)) {
    slice += (slice === '' ? '[' : ',') + JSON.stringify(piece)
    if (slice.length < sliceChars) continue
    yield `${slice}]`
    slice = ''
  }
  if (slice !== '') yield `${slice}]`
}

function* piecesOf({ records = [], layers = [], digests, mounts = [] }: Partial<CacheDocument>): Generator<Piece> {
  for (const record of records) yield { record }
  for (const layer of layers) yield { layer }
  for (const digest of digests ?? []) yield { digest }
  for (const mount of mounts) yield { mount }
}

export class DocumentAssembler {
  readonly #records: CacheRecord[] = []
  readonly #layers: ExportedLayer[] = []
  readonly #digests = new Map<string, SelectionDigest>()
  readonly #mounts: JsonValue[] = []

  add(slice: string): void {
    for (const piece of JSON.parse(slice) as readonly Piece[]) {
      if ('record' in piece) this.#records.push(piece.record)
      else if ('layer' in piece) this.#layers.push(piece.layer)
      else if ('digest' in piece) this.#digests.set(...piece.digest)
      else this.#mounts.push(piece.mount)
    }
  }

  get document(): CacheDocument {
    return { records: this.#records, layers: this.#layers, digests: this.#digests, mounts: this.#mounts }
  }
}
