import { showPath } from '../binary-path.js'
import { SnapshotError } from '../errors.js'
import { decodeEntry, decodeRaw, type Extensions, type RawHeader } from './decode.js'
import { blockSize, padding, type TarEntry } from './entry.js'
import { decodePax, maxExtendedHeader, TarFormatError } from './pax.js'

/** Takes what the parser finds; `data` and `endEntry` come for each entry, `data` for files only. */
export interface TarHandler {
  entry(entry: TarEntry): void
  data(chunk: Buffer): void
  endEntry(): void
}

/** `LAYER_INVALID` for an entry (one character per byte) of a tar. */
export function invalidEntry(name: string, state: string, cause?: unknown): SnapshotError {
  const message = `Cannot unpack tar entry "${showPath(name)}": ${state}`
  return new SnapshotError('LAYER_INVALID', message, cause === undefined ? {} : { cause })
}

type State = 'header' | 'extension' | 'data' | 'padding' | 'ended'

/** Reads a tar pushed in pieces of any size, synchronously: USTAR, pax and GNU's long names and large numbers.
 * Bytes after the end-of-archive blocks are ignored, as every reader does. */
export class TarParser {
  readonly #handler: TarHandler
  #state: State = 'header'
  #block: Buffer = Buffer.alloc(blockSize)
  #filled = 0
  #left = 0
  #padding = 0
  #zeroBlocks = 0
  #raw: RawHeader | undefined
  #extension: Buffer[] = []
  #extensions: Extensions = { pax: new Map() }
  #extended = false
  #name = ''

  constructor(handler: TarHandler) {
    this.#handler = handler
  }

  /** @throws {SnapshotError} `LAYER_INVALID`, or what the handler throws */
  write(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    while (rest.length > 0 && this.#state !== 'ended') rest = rest.subarray(this.#take(rest))
  }

  /** Says that nothing more comes. @throws {SnapshotError} `LAYER_INVALID` where an entry is not whole */
  end(): void {
    if (this.#state === 'ended') return
    const whole = this.#state === 'header' && this.#filled === 0 && !this.#extended
    if (!whole) throw invalidEntry(this.#name, 'the archive is truncated')
    this.#state = 'ended'
  }

  #take(input: Buffer): number {
    switch (this.#state) {
      case 'header':
        return this.#takeHeader(input)
      case 'extension':
        return this.#takeExtension(input)
      case 'data':
        return this.#takeData(input)
      case 'padding':
        return this.#takePadding(input)
      case 'ended':
        return input.length
    }
  }

  #takeHeader(input: Buffer): number {
    const count = Math.min(blockSize - this.#filled, input.length)
    input.copy(this.#block, this.#filled, 0, count)
    this.#filled += count
    if (this.#filled < blockSize) return count
    this.#filled = 0
    if (this.#block.every((byte) => byte === 0)) this.#zeroBlock()
    else this.#header()
    return count
  }

  #zeroBlock(): void {
    if (this.#extended) throw invalidEntry(this.#name, 'the archive ends after an extended header')
    this.#zeroBlocks++
    if (this.#zeroBlocks === 2) this.#state = 'ended'
  }

  #header(): void {
    if (this.#zeroBlocks > 0) throw invalidEntry(this.#name, 'the archive goes on after a block of zeros')
    const raw = this.#checked(() => decodeRaw(this.#block))
    if ('xgLK'.includes(raw.typeFlag)) this.#startExtension(raw)
    else this.#startEntry(raw)
  }

  #startExtension(raw: RawHeader): void {
    if (raw.size < 0 || raw.size > maxExtendedHeader) {
      throw invalidEntry(raw.name, `an extended header of ${raw.size} bytes is too large`)
    }
    this.#raw = raw
    this.#extended = true
    this.#left = raw.size
    this.#padding = padding(raw.size)
    this.#extension = []
    this.#state = 'extension'
    if (this.#left === 0) this.#finishExtension()
  }

  #takeExtension(input: Buffer): number {
    const count = Math.min(this.#left, input.length)
    this.#extension.push(Buffer.from(input.subarray(0, count)))
    this.#left -= count
    if (this.#left === 0) this.#finishExtension()
    return count
  }

  #finishExtension(): void {
    const data = Buffer.concat(this.#extension)
    this.#extension = []
    this.#extensions = this.#checked(() => this.#extend(data))
    this.#enterPadding()
  }

  #extend(data: Buffer): Extensions {
    const before = this.#extensions
    switch (this.#raw?.typeFlag) {
      case 'x':
        return { ...before, pax: new Map([...before.pax, ...decodePax(data)]) }
      case 'L':
        return { ...before, longName: untilZero(data) }
      case 'K':
        return { ...before, longLink: untilZero(data) }
      default:
        // global headers (git writes its commit into one) say nothing about files here, but must be well formed
        decodePax(data)
        this.#extended = before.pax.size > 0 || before.longName !== undefined || before.longLink !== undefined
        return before
    }
  }

  #startEntry(raw: RawHeader): void {
    this.#name = this.#extensions.longName ?? raw.name
    const entry = this.#checked(() => decodeEntry(raw, this.#extensions))
    this.#name = entry.name
    this.#extensions = { pax: new Map() }
    this.#extended = false
    this.#left = entry.size
    this.#padding = padding(entry.size)
    this.#handler.entry(entry)
    this.#state = 'data'
    if (this.#left === 0) this.#finishEntry()
  }

  #takeData(input: Buffer): number {
    const count = Math.min(this.#left, input.length)
    this.#handler.data(input.subarray(0, count))
    this.#left -= count
    if (this.#left === 0) this.#finishEntry()
    return count
  }

  #finishEntry(): void {
    this.#handler.endEntry()
    this.#enterPadding()
  }

  #enterPadding(): void {
    this.#left = this.#padding
    this.#state = this.#left === 0 ? 'header' : 'padding'
  }

  #takePadding(input: Buffer): number {
    const count = Math.min(this.#left, input.length)
    this.#left -= count
    if (this.#left === 0) this.#state = 'header'
    return count
  }

  #checked<T>(decode: () => T): T {
    try {
      return decode()
    } catch (err) {
      if (err instanceof TarFormatError) throw invalidEntry(this.#name, err.message, err)
      throw err
    }
  }
}

function untilZero(data: Buffer): string {
  const zero = data.indexOf(0)
  return data.toString('latin1', 0, zero < 0 ? data.length : zero)
}
