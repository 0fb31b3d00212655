import { stat } from 'node:fs/promises'
import type { Digest } from '@tsbuild/spec'
import type { CheckContext } from './context.js'
import type { Problem } from './finding.js'

/** Reads every blob and compares its digest with its name. */
export async function* checkBlobs(context: CheckContext): AsyncGenerator<Problem> {
  const { content, options, corrupt } = context
  const blobs: { readonly digest: Digest; readonly size: number }[] = []
  for await (const blob of content.listBlobs()) blobs.push(blob)
  const total = blobs.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  for (const { digest, size } of blobs) {
    options.signal?.throwIfAborted()
    const path = content.blobPath(digest)
    const before = await stat(path).catch(() => undefined)
    const found = await options.hashFile(path, (bytes) => options.onProgress?.('blobs', done + bytes, total))
    done += size
    options.onProgress?.('blobs', done, total)
    if (before === undefined || found === undefined || found === digest) continue
    corrupt.add(digest)
    yield {
      kind: 'blobCorrupt',
      severity: 'error',
      subject: digest,
      state: `its content is ${found}`,
      repair: 'remove it, so that it is fetched or made again',
      async mend() {
        // Somebody may have put the right one in its place meanwhile.
        if ((await stat(path).catch(() => undefined))?.ino !== before.ino) return false
        await content.removeBlob(digest)
        return true
      },
    }
  }
}
