import { type ErrorDetails, TsbuildError } from '@tsbuild/spec'

/** A RUN's command ended with something else than 0. */
export class RunFailedError extends TsbuildError<'RUN_FAILED'> {
  readonly exitCode: number
  /** What it printed last, stdout and stderr as they came, at most {@link outputTailBytes}. */
  readonly output: string

  constructor(command: string, exitCode: number, output: string, details: ErrorDetails = {}) {
    super('RUN_FAILED', `process "${command}" did not complete successfully: exit code: ${exitCode}`, details)
    this.exitCode = exitCode
    this.output = output
  }
}

/** How much of a failed command's output its error carries, in bytes. */
export const outputTailBytes = 4096

/** Keeps the last bytes of a stream of chunks. */
export class OutputTail {
  #chunks: Uint8Array[] = []
  #length = 0

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    while (this.#length - (this.#chunks[0]?.length ?? 0) >= outputTailBytes) {
      this.#length -= this.#chunks.shift()?.length ?? 0
    }
  }

  /** Whole lines only, when the beginning was dropped. */
  text(): string {
    const all = Buffer.concat(this.#chunks)
    if (all.length <= outputTailBytes) return all.toString('utf8')
    const tail = all.subarray(all.length - outputTailBytes)
    return tail.subarray(tail.indexOf(10) + 1).toString('utf8')
  }
}
