import { createHash } from 'node:crypto'
import { type ByteStream, type CallOptions, type Descriptor, digestFromHex } from '@tsbuild/spec'
import { CoreError } from '../../errors.js'
import type { LayerPlace } from './promised-layers.js'

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

function invalid(title: string, { digest }: Descriptor, state: string): CoreError {
  return new CoreError('CACHE_INVALID', `Cannot read blob "${digest}" of cache ${title}: ${state}`)
}
