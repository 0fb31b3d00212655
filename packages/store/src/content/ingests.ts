import { stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type ByteStream, type Digest, digestHex, type Ingest } from '@tsbuild/spec'
import { errnoOf } from '../errors.js'
import type { RootPaths } from '../root/root-paths.js'
import { createLeftovers } from './leftovers.js'
import { type BlobId, PartialBlob } from './partial-blob.js'
import { receiveUnknownBlob } from './unknown-blob.js'

/** Blobs that this process is receiving. */
export interface Ingests extends AsyncDisposable {
  /** `resume` takes up what an earlier attempt left; without it a failed attempt leaves nothing. */
  open(id: BlobId, options: { readonly resume: boolean }): Promise<Ingest>
  /** Receives a blob whose digest is known only at its end. */
  receive(data: ByteStream): Promise<{ readonly digest: Digest; readonly size: number }>
  /** Whether the blob is there whole. Then it counts as new again, so that no collection takes it right now. */
  touch(id: BlobId): Promise<boolean>
}

/** Files are called `<session>.<hex digits>.<number>`: who sweeps sees whose they were. */
export function createIngests(
  { ingest: directory, partial: leftover, blobs }: RootPaths,
  session: () => string,
): Ingests {
  const idle = new Map<Digest, PartialBlob>()
  const leftovers = createLeftovers(leftover)
  let count = 0
  const blobPath = (digest: Digest) => join(blobs, digestHex(digest))
  const take = async (id: BlobId, resume: boolean): Promise<PartialBlob> => {
    const earlier = resume ? idle.get(id.digest) : undefined
    if (earlier !== undefined) {
      idle.delete(id.digest)
      return earlier
    }
    const path = join(directory, `${session()}.${digestHex(id.digest)}.${count++}`)
    const partial = new PartialBlob(id, path)
    if (!resume || !(await leftovers.take(digestHex(id.digest), path))) return partial
    try {
      await partial.adopt()
      return partial
    } catch {
      await partial.discard()
      return new PartialBlob(id, path)
    }
  }
  /** Keeps the longer one of two attempts. */
  const keep = async ({ digest }: BlobId, partial: PartialBlob): Promise<void> => {
    const other = idle.get(digest)
    const [longer, shorter] = other !== undefined && other.bytes >= partial.bytes ? [other, partial] : [partial, other]
    idle.set(digest, longer)
    await partial.close()
    await shorter?.discard()
  }
  return {
    async open(id, { resume }) {
      const partial = await take(id, resume)
      try {
        await partial.open()
      } catch (error) {
        await partial.discard()
        throw error
      }
      let over = false
      const guard = async (work: () => Promise<void>) => {
        try {
          await work()
        } catch (error) {
          // What was wrong or did not fit is of no use later.
          over = true
          await partial.discard()
          throw error
        }
      }
      return {
        offset: partial.bytes,
        write: (chunk) => guard(() => partial.write(chunk)),
        async commit() {
          await guard(() => partial.finish(blobPath(id.digest)))
          over = true
        },
        async [Symbol.asyncDispose]() {
          if (over) return
          over = true
          if (resume && partial.bytes > 0) await keep(id, partial)
          else await partial.discard()
        },
      }
    },
    receive: (data) => receiveUnknownBlob(data, join(directory, `${session()}.${'0'.repeat(64)}.${count++}`), blobPath),
    async touch({ digest, size }) {
      const path = blobPath(digest)
      const file = await stat(path).catch(() => undefined)
      if (file?.size !== size) return false
      const now = new Date()
      return utimes(path, now, now).then(
        () => true,
        // Not ours to touch, but there; only a vanished one has to be written again.
        (error) => errnoOf(error) !== 'ENOENT',
      )
    },
    async [Symbol.asyncDispose]() {
      const left = [...idle]
      idle.clear()
      await Promise.all(
        left.map(([digest, partial]) => partial.leave((path) => leftovers.keep(path, digestHex(digest)))),
      )
    },
  }
}
