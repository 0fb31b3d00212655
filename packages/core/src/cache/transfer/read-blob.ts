import { createHash } from 'node:crypto'
import { type ByteStream, type CallOptions, type Descriptor, digestFromHex } from '@tsbuild/spec'
import { CoreError } from '../../errors.js'
import type { LayerPlace } from './lazy-layers.js'

/** The bytes of a blob of a cache, checked for size and digest at their end.
 * @throws {CoreError} `CACHE_INVALID` */
export async function* readChecked(
  { backend, blob }: LayerPlace,
  { signal, offset = 0 }: CallOptions & { readonly offset?: number },
): ByteStream {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of backend.get(blob, signal === undefined ? {} : { signal })) {
    hash.update(chunk)
    const from = Math.max(0, offset - bytes)
    bytes += chunk.length
    if (bytes > blob.size) throw invalid(backend.title, blob, `it has more than ${blob.size} bytes`)
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from)
  }
  if (bytes < blob.size) throw invalid(backend.title, blob, `it ends after ${bytes} of ${blob.size} bytes`)
  const digest = digestFromHex(hash.digest('hex'))
  if (digest !== blob.digest) throw invalid(backend.title, blob, `its bytes are ${digest}`)
}

/** The same from the first place that has it; another is asked only while nothing was read. */
export async function* readAnywhere(
  places: readonly LayerPlace[],
  options: CallOptions & { readonly offset?: number },
): ByteStream {
  for (const [index, place] of places.entries()) {
    let begun = false
    try {
      for await (const chunk of readChecked(place, options)) {
        begun = true
        yield chunk
      }
      return
    } catch (error) {
      if (begun || index === places.length - 1 || options.signal?.aborted === true) throw error
    }
  }
}

function invalid(title: string, { digest }: Descriptor, state: string): CoreError {
  return new CoreError('CACHE_INVALID', `Cannot read blob "${digest}" of cache ${title}: ${state}`)
}
