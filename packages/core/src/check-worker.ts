import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { hasErrno, serveWorker, type WorkerTask } from '@tsbuild/host'
import { type Digest, digestFromHex } from '@tsbuild/spec'

const pieceBytes = 1 << 20

serveWorker({ digest })

/** SHA-256 of a file; posts how many bytes were read. */
function digest(path: string, task: WorkerTask): Digest | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(pieceBytes)
    for (let done = 0; ; task.post(done)) {
      task.throwIfAborted()
      const count = readSync(file, buffer)
      if (count === 0) return digestFromHex(hash.digest('hex'))
      hash.update(buffer.subarray(0, count))
      done += count
    }
  } finally {
    closeSync(file)
  }
}
