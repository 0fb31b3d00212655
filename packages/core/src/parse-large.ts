import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { LintWarning } from '@tsbuild/parser'
import { Assembler, receivedError } from './parse/assembler.js'
import { parseAndCheck } from './parse/parse-and-check.js'
import type { ParsedDockerfile, ParseReply, ParseRequest, Piece } from './parse/protocol.js'

export interface ParseOptions {
  readonly signal?: AbortSignal
  /** Where the worker entry files lie. */
  readonly workerDir?: string
  /** Told of each message that a worker sent. */
  readonly onSlice?: (pieces: number) => void
}

export interface Parsed {
  readonly dockerfile: ParsedDockerfile
  /** What the build checks found.
   * @throws {ParseError} what they failed with */
  warnings(): readonly LintWarning[]
}

/** Characters above which a Dockerfile is parsed in a worker: parsing them takes about as long as starting one. */
const workerLimit = 64 << 10

/** Parses and checks a Dockerfile; a long one in a worker, from which it comes in slices, so that the event loop stays free.
 * @throws {ParseError}; the signal's reason */
export async function parseAnywhere(request: ParseRequest, options: ParseOptions = {}): Promise<Parsed> {
  if (request.text.length > workerLimit) return await parseInWorker(request, options)
  const { dockerfile, warnings, failure } = parseAndCheck(request)
  return {
    dockerfile,
    warnings() {
      if (failure !== undefined) throw failure
      return warnings
    },
  }
}

/** @throws {ParseError}; the signal's reason */
export async function parseInWorker(
  request: ParseRequest,
  { signal, workerDir, onSlice }: ParseOptions = {},
): Promise<Parsed> {
  signal?.throwIfAborted()
  const entry =
    workerDir === undefined ? new URL('./parse-worker.js', import.meta.url) : join(workerDir, 'parse-worker.js')
  const worker = new Worker(entry, { execArgv: [], env: {}, workerData: request })
  const assembler = new Assembler(request.text.replace(/^\uFEFF/, ''))
  let stop: (() => void) | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      stop = () => reject(signal?.reason)
      signal?.addEventListener('abort', stop, { once: true })
      worker.once('error', reject)
      worker.once('exit', () => reject(new Error('the thread that parses has ended')))
      worker.on('message', (reply: ParseReply) => {
        if (reply.kind === 'failed') return reject(receivedError(reply.error))
        const pieces = JSON.parse(reply.pieces) as readonly Piece[]
        onSlice?.(pieces.length)
        for (const piece of pieces) assembler.add(piece)
        if (reply.last) resolve()
        else worker.postMessage('next')
      })
    })
  } finally {
    if (stop !== undefined) signal?.removeEventListener('abort', stop)
    await worker.terminate()
  }
  return { dockerfile: assembler.dockerfile(), warnings: () => assembler.warnings() }
}
