import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { LogEntry, LogOptions } from '../api/containers.js'
import type { LogLine } from './monitor/log-file.js'

const chunkBytes = 64 << 10
/** Where nobody tells of a change (a file system without inotify), the log is looked at this often. */
const lookAgainMs = 1000
const mostFiles = 1000

export interface LogPlace {
  readonly directory: string
  /** Path of the current file. */
  readonly log: string
  /** Resolves when nothing more is written. Asked for with `follow` only. */
  readonly ended: () => Promise<void>
}

/** Reads a container's log, its oldest file first; with `follow` until the container has ended and everything was read. */
export async function* readLog(
  place: LogPlace,
  { follow = false, tail, since, until, signal }: LogOptions,
): AsyncGenerator<LogEntry> {
  signal?.throwIfAborted()
  const changes = follow ? watchChanges(place) : undefined
  const files = await openFiles(place.log)
  try {
    let skip = tail === undefined ? 0 : Math.max(0, (await countLines(files)) - tail)
    const wanted = (entry: LogEntry) => entry.at >= (since ?? 0) && entry.at <= (until ?? Number.POSITIVE_INFINITY)
    const lines = changes === undefined ? linesOf(files) : followLines(files, place.log, changes, signal)
    for await (const line of lines) {
      signal?.throwIfAborted()
      for (const entry of parseEntries(line)) {
        if (skip > 0) {
          if (endsLine(entry)) skip--
        } else if (wanted(entry)) {
          yield entry
        }
      }
    }
  } finally {
    changes?.[Symbol.dispose]()
    for (const file of files) await file.close()
  }
}

/** The files that are there, the oldest first: `log.1` is older than `log`. */
async function openFiles(path: string): Promise<FileHandle[]> {
  const files: FileHandle[] = []
  for (let n = 0; n < mostFiles; n++) {
    const file = await openIfThere(n === 0 ? path : `${path}.${n}`)
    if (file === undefined) break
    files.unshift(file)
  }
  return files
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

async function* linesOf(files: readonly FileHandle[]): AsyncGenerator<string> {
  for (const file of files) yield* new LineReader(file).lines()
}

/** Goes on with the newest file, and with the one that takes its place, until nothing more comes. */
async function* followLines(
  files: FileHandle[],
  path: string,
  changes: Changes,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  yield* linesOf(files.slice(0, -1))
  let file = files.at(-1)
  let reader = file && new LineReader(file)
  for (;;) {
    const over = changes.ended
    const seen = changes.count
    if (reader !== undefined) yield* reader.lines()
    const next = await openIfThere(path)
    if (next !== undefined && (file === undefined || !(await sameFile(file, next)))) {
      // What was written between the last look and the change of files.
      if (reader !== undefined) yield* reader.lines()
      files.push(next)
      file = next
      reader = new LineReader(next)
      continue
    }
    await next?.close()
    if (over) return
    await changes.after(seen, signal)
    signal?.throwIfAborted()
  }
}

async function sameFile(one: FileHandle, other: FileHandle): Promise<boolean> {
  const [a, b] = await Promise.all([one.stat(), other.stat()])
  return a.ino === b.ino && a.dev === b.dev
}

/** Whole lines of a file that grows; what has no end yet is left for the next time. */
class LineReader {
  readonly #file: FileHandle
  #position = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  async *lines(): AsyncGenerator<string> {
    const buffer = Buffer.alloc(chunkBytes)
    let rest = Buffer.alloc(0)
    for (let at = this.#position; ; ) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) return
      at += bytesRead
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
        this.#position += end + 1
        yield rest.toString('utf8', 0, end)
        rest = rest.subarray(end + 1)
      }
    }
  }
}

/** What has no line break behind it at the end counts as a line, too. */
async function countLines(files: readonly FileHandle[]): Promise<number> {
  let count = 0
  let open = false
  for await (const line of linesOf(files)) {
    for (const entry of parseEntries(line)) {
      open = !endsLine(entry)
      if (!open) count++
    }
  }
  return open ? count + 1 : count
}

function endsLine({ data }: LogEntry): boolean {
  return data.at(-1) === 0x0a
}

/** The lines of output in a line of the file; one that a full disk has cut holds none. */
function parseEntries(line: string): LogEntry[] {
  let value: LogLine
  try {
    value = JSON.parse(line) as LogLine
  } catch {
    return []
  }
  const bytes = 'log' in value ? Buffer.from(value.log) : Buffer.from(value.data, 'base64')
  const at = Date.parse(value.time)
  const entries: LogEntry[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start) + 1 || bytes.length
    entries.push({ stream: value.stream, at, data: bytes.subarray(start, end) })
    start = end
  }
  return entries
}

interface Changes extends Disposable {
  readonly ended: boolean
  readonly count: number
  /** Resolves when something happened after `count` was `seen`. */
  after(seen: number, signal: AbortSignal | undefined): Promise<void>
}

function watchChanges({ directory, ended }: LogPlace): Changes {
  let over = false
  let count = 0
  let wake = () => {}
  const happen = () => {
    count++
    wake()
  }
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(directory, happen).on('error', () => {})
  } catch {
    // Then the clock must do.
  }
  const end = () => {
    over = true
    happen()
  }
  ended().then(end, end)
  return {
    get ended() {
      return over
    },
    get count() {
      return count
    },
    async after(seen, signal) {
      if (count !== seen || signal?.aborted) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, lookAgainMs)
        function done() {
          clearTimeout(timer)
          signal?.removeEventListener('abort', done)
          resolve()
        }
        wake = done
        signal?.addEventListener('abort', done, { once: true })
      })
    },
    [Symbol.dispose]: () => watcher?.close(),
  }
}
