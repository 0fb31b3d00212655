import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { enterHostRoot, enterRoot, openDirectoryTree, openMountTree, serveWorker, type WorkerTask } from '@tsbuild/host'
import type { Mount } from '@tsbuild/spec'

serveWorker({
  /** Writes and reads absolute paths in the mount, and says what the host's look like afterwards. */
  enter({ mount, write, read }: { mount: Mount; write?: [string, string]; read: string }) {
    using root = enterRoot(mount)
    if (write) writeFileSync(...write)
    const content = readFileSync(read, 'utf8')
    const names = readdirSync('/').sort()
    root.leave()
    return { content, names, mountTable: readFileSync('/proc/thread-self/mountinfo', 'utf8') }
  },
  /** Copies a file from one tree into another. */
  copy({ from, to, source, target }: { from: Mount | string; to: Mount; source: string; target: string }) {
    using sources = typeof from === 'string' ? openDirectoryTree(from) : openMountTree(from)
    using targets = openMountTree(to)
    sources.enter()
    const data = readFileSync(source)
    targets.enter()
    writeFileSync(target, data)
    enterHostRoot()
    return readlinkSync('/proc/thread-self/root')
  },
  echo(input: unknown, task: WorkerTask) {
    task.post('started')
    return input
  },
  environment: () => ({ ...process.env }),
  /** Sends back each chunk that comes in. */
  pipe(_: unknown, task: WorkerTask) {
    let bytes = 0
    for (let chunk = task.readChunk(); chunk; chunk = task.readChunk()) {
      bytes += chunk.length
      task.writeChunk(chunk)
    }
    return bytes
  },
  /** Sends chunks for ever; `post`s how many. */
  pour(chunkBytes: number, task: WorkerTask) {
    for (let count = 1; ; count++) {
      task.writeChunk(new Uint8Array(chunkBytes))
      task.post(count)
    }
  },
  spin(_: unknown, task: WorkerTask) {
    task.post('spinning')
    while (!task.aborted());
    task.throwIfAborted()
  },
  fail(path: string) {
    readFileSync(path)
  },
  refuse() {
    enterRoot({ kind: 'bind', source: '/nowhere-at-all', readonly: true })
  },
  crash() {
    process.exit(7)
  },
})
