import { readSync } from 'node:fs'
import { hasErrno } from '@tsbuild/host'
import { type BinaryPath, showPath } from '../binary-path.js'
import { SnapshotError } from '../errors.js'
import { openForReading } from '../files/same.js'
import { encodeHeader, endOfArchive } from '../tar/encode.js'
import { padding, type TarEntry } from '../tar/entry.js'

/** Where packed bytes go, in chunks. */
export interface ChunkSink {
  /** A buffer to fill. */
  next(): Buffer
  /** The filled part of the buffer that `next` gave last. */
  take(chunk: Buffer): void
}

/** Writes a tar into large chunks; file contents are read straight into them. */
export class TarOutput {
  readonly #sink: ChunkSink
  readonly #lenient: boolean
  #chunk: Buffer
  #filled = 0
  #flushed = 0

  /** @param lenient a file that grows is cut, and one that shrinks or goes filled up with zeros, instead of an error */
  constructor(sink: ChunkSink, { lenient = false }: { readonly lenient?: boolean } = {}) {
    this.#sink = sink
    this.#lenient = lenient
    this.#chunk = sink.next()
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#flushed + this.#filled
  }

  header(entry: TarEntry): void {
    this.#append(encodeHeader(entry))
  }

  /** A file's content and padding.
   *  @param size as the header said
   *  @throws {SnapshotError} `SNAPSHOT_CHANGED` when the file is gone, or has another size */
  content(path: BinaryPath, size: number, name: BinaryPath): void {
    try {
      using file = openForReading(path)
      this.#copy(file.fd, size, name)
    } catch (cause) {
      if (!hasErrno(cause, 'ENOENT', 'ELOOP', 'ENOTDIR')) throw cause
      if (!this.#lenient) throw changed(name, 'it is not there any more', cause)
      this.#zeros(size)
    }
    this.#zeros(padding(size))
  }

  /** Ends the archive and hands out what is left. */
  end(): void {
    this.#append(endOfArchive)
    this.#flush()
  }

  #copy(fd: number, size: number, name: BinaryPath): void {
    if (this.#lenient) {
      this.#copyAtMost(fd, size)
      return
    }
    for (let left = size; ; ) {
      if (this.#filled === this.#chunk.length) this.#flush()
      // asking for one byte more than expected tells, without a call of its own, that the file has grown
      const asked = Math.min(this.#chunk.length - this.#filled, left + 1)
      const count = readSync(fd, this.#chunk, this.#filled, asked, null)
      if (count > left) throw changed(name, 'it has grown')
      if (count === 0 && left > 0) throw changed(name, 'it has shrunk')
      left -= count
      this.#filled += count
      if (left === 0 && count < asked) return
    }
  }

  #copyAtMost(fd: number, size: number): void {
    for (let left = size; left > 0; ) {
      if (this.#filled === this.#chunk.length) this.#flush()
      const count = readSync(fd, this.#chunk, this.#filled, Math.min(this.#chunk.length - this.#filled, left), null)
      if (count === 0) {
        this.#zeros(left)
        return
      }
      left -= count
      this.#filled += count
    }
  }

  #append(bytes: Buffer): void {
    for (let done = 0; done < bytes.length; ) {
      if (this.#filled === this.#chunk.length) this.#flush()
      const count = bytes.copy(this.#chunk, this.#filled, done)
      this.#filled += count
      done += count
    }
  }

  #zeros(count: number): void {
    for (let left = count; left > 0; ) {
      if (this.#filled === this.#chunk.length) this.#flush()
      const part = Math.min(left, this.#chunk.length - this.#filled)
      this.#chunk.fill(0, this.#filled, this.#filled + part)
      this.#filled += part
      left -= part
    }
  }

  #flush(): void {
    if (this.#filled > 0) this.#sink.take(this.#chunk.subarray(0, this.#filled))
    this.#flushed += this.#filled
    this.#filled = 0
    this.#chunk = this.#sink.next()
  }
}

function changed(name: BinaryPath, state: string, cause?: unknown): SnapshotError {
  const message = `Cannot read file "${showPath(name)}" of a snapshot: ${state}`
  return new SnapshotError('SNAPSHOT_CHANGED', message, {
    hint: 'Something else writes into the snapshot directory; build the step again with --no-cache',
    ...(cause === undefined ? {} : { cause }),
  })
}
