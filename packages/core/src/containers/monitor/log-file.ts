import { isUtf8 } from 'node:buffer'
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'

/** One line of a log file: a piece of output, of one line or several. `data` is base64, where `log` would not be well-formed text. */
export type LogLine = {
  readonly stream: 'stdout' | 'stderr'
  /** RFC 3339. */
  readonly time: string
} & ({ readonly log: string } | { readonly data: string })

export interface LogLimits {
  readonly maxSizeBytes: number
  readonly maxFiles: number
}

/** A container's log, as JSON lines; a full file is put aside, and the oldest one is forgotten. */
export interface LogFile extends Disposable {
  /** Written when it returns: whoever prints faster than the disk takes it has to wait. */
  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): void
}

const newline = 0x0a
const mostPieceBytes = 16 << 10

/** Opens the log at `path`, to go on with it where there is one. */
export function openLogFile(path: string, { maxSizeBytes, maxFiles }: LogLimits): LogFile {
  let fd = openSync(path, 'a', 0o600)
  let size = fstatSync(fd).size
  const rotate = () => {
    for (let n = maxFiles - 1; n >= 1; n--) moveAside(n === 1 ? path : `${path}.${n - 1}`, `${path}.${n}`)
    const next = openSync(path, maxFiles > 1 ? 'a' : 'w', 0o600)
    closeSync(fd)
    fd = next
    size = 0
  }
  return {
    write(stream, chunk) {
      const time = new Date().toISOString()
      for (const piece of splitPieces(chunk)) {
        const line = `${JSON.stringify(logLine(stream, time, piece))}\n`
        const bytes = Buffer.byteLength(line)
        if (size > 0 && size + bytes > maxSizeBytes) rotate()
        writeSync(fd, line)
        size += bytes
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  }
}

function logLine(stream: LogLine['stream'], time: string, bytes: Uint8Array): LogLine {
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(line) ? { log: line.toString('utf8'), stream, time } : { data: line.toString('base64'), stream, time }
}

/** Pieces of whole lines, where lines are not too long themselves. */
function splitPieces(chunk: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let start = 0; start < chunk.length; ) {
    const rest = chunk.subarray(start, start + mostPieceBytes)
    const last = rest.length < mostPieceBytes ? rest.length : rest.lastIndexOf(newline) + 1
    const end = start + (last > 0 ? last : rest.length)
    pieces.push(chunk.subarray(start, end))
    start = end
  }
  return pieces
}

function moveAside(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
