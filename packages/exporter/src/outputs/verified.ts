import { createHash } from 'node:crypto'
import { type ByteStream, type Descriptor, digestFromHex } from '@tsbuild/spec'
import { ExporterError } from '../errors.js'

/** The same bytes, checked for size and digest at their end.
 * @throws {ExporterError} `BLOB_MISMATCH` */
export async function* verified(stream: ByteStream, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): ByteStream {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of stream) {
    hash.update(chunk)
    bytes += chunk.length
    yield chunk
  }
  const found = digestFromHex(hash.digest('hex'))
  if (found !== digest || bytes !== size) {
    throw new ExporterError(
      'BLOB_MISMATCH',
      `Cannot export blob ${digest}: its bytes are ${found} (${bytes} of ${size} bytes)`,
    )
  }
}
