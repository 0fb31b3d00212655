import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { type ByteStream, type Digest, digestFromHex, faultPoint } from '@tsbuild/spec'
import { storeError } from '../errors.js'

/** Longest piece that is hashed at once: about a millisecond of this thread. */
const pieceBytes = 1 << 20

/** Receives a blob whose digest is known only at its end: writes it beside its place, syncs and renames it.
 * @param path where it is written meanwhile
 * @param target where a blob with that digest belongs */
export async function receiveUnknownBlob(
  data: ByteStream,
  path: string,
  target: (digest: Digest) => string,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const hash = createHash('sha256')
  let size = 0
  try {
    const file = await open(path, 'wx', 0o600).catch(fail)
    try {
      for await (const chunk of data) {
        for (let start = 0; start < chunk.length; start += pieceBytes) {
          const piece = chunk.subarray(start, start + pieceBytes)
          // `writeFile` on a handle goes on where the last one stopped, and retries short writes.
          await writePiece(file, piece).catch(fail)
          hash.update(piece)
          size += piece.length
        }
      }
      await file.datasync().catch(fail)
    } finally {
      await file.close()
    }
    const digest = digestFromHex(hash.digest('hex'))
    await publish(path, target(digest)).catch(fail)
    return { digest, size }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

async function writePiece(file: FileHandle, piece: Uint8Array): Promise<void> {
  faultPoint('blob.write')
  await file.writeFile(piece)
}

async function publish(path: string, target: string): Promise<void> {
  faultPoint('blob.publish.before')
  await rename(path, target)
  faultPoint('blob.publish.after')
}

/** Only failures of the disk become ours; those of the stream pass as they are. */
function fail(error: unknown): never {
  throw storeError(error, 'write blob')
}
