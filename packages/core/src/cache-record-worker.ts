import { serveWorker, type WorkerTask } from '@tsbuild/host'
import { readCacheDocument } from './cache/transfer/cache-document.js'
import { slicesOf } from './cache/transfer/document-slices.js'

serveWorker({ read })

/** Reads a record that comes as input, and writes the slices of what it says. */
function read({ mountsOnly }: { readonly mountsOnly: boolean }, task: WorkerTask): void {
  const chunks: Uint8Array[] = []
  for (let chunk = task.readChunk(); chunk !== undefined; chunk = task.readChunk()) chunks.push(chunk)
  const document = readCacheDocument(Buffer.concat(chunks))
  for (const slice of slicesOf(mountsOnly ? { mounts: document.mounts } : document)) {
    task.throwIfAborted()
    task.writeChunk(new TextEncoder().encode(slice))
  }
}
