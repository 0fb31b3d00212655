import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'
import { Failure } from './server/failure.js'
import { readManifest } from './server/manifest-content.js'
import type { WorkerAnswer, WorkerTask } from './server-worker.js'

/** What a registry server would hold up its other clients with. One task after the other. */
parentPort?.on('message', ({ id, task }: { readonly id: number; readonly task: WorkerTask }) => {
  parentPort?.postMessage({ id, answer: answerTo(task) })
})

function answerTo(task: WorkerTask): WorkerAnswer {
  try {
    // bcryptjs compares in constant time.
    if (task.kind === 'password') return { kind: 'password', right: compareSync(task.password, task.hash) }
    return { kind: 'manifest', content: readManifest(task.bytes, task.contentType) }
  } catch (error) {
    if (error instanceof Failure)
      return { kind: 'refused', status: error.status, code: error.code, message: error.message }
    // A hash that bcrypt can't read is nobody's.
    if (task.kind === 'password') return { kind: 'password', right: false }
    return { kind: 'refused', status: 500, code: 'UNKNOWN', message: String(error) }
  }
}
