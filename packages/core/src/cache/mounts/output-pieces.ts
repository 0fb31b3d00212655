import type { WorkerTask } from '@tsbuild/host'

/** What a worker sends one after the other: each piece is a chunk with its kind, chunks with its bytes, and an empty chunk. */
export const pieceKinds = { pack: 1, tree: 2, index: 3 } as const
export type PieceKind = (typeof pieceKinds)[keyof typeof pieceKinds]

const chunkBytes = 1 << 20

/** The sending side, in the worker. */
export class OutputPieces {
  readonly #task: Pick<WorkerTask, 'writeChunk'>
  #chunk = Buffer.allocUnsafeSlow(chunkBytes)
  #used = 0

  constructor(task: Pick<WorkerTask, 'writeChunk'>) {
    this.#task = task
  }

  begin(kind: PieceKind): void {
    this.#task.writeChunk(Uint8Array.of(kind))
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + chunkBytes - this.#used)
      this.#chunk.set(part, this.#used)
      this.#used += part.length
      at += part.length
      if (this.#used === chunkBytes) this.#flush()
    }
  }

  end(): void {
    if (this.#used > 0) this.#flush()
    this.#task.writeChunk(new Uint8Array(0))
  }

  #flush(): void {
    const chunk = this.#chunk
    const used = this.#used
    if (used === chunkBytes) this.#chunk = Buffer.allocUnsafeSlow(chunkBytes)
    this.#used = 0
    this.#task.writeChunk(used === chunkBytes ? chunk : Uint8Array.from(chunk.subarray(0, used)))
  }
}

/** The receiving side: hands every piece to `take`, which reads it to its end.
 * @returns what the stream returns */
export async function takePieces<Result>(
  stream: AsyncGenerator<Uint8Array, Result>,
  take: (kind: PieceKind, bytes: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<Result> {
  try {
    for (;;) {
      const head = await stream.next()
      if (head.done === true) return head.value
      await take(head.value[0] as PieceKind, untilEmpty(stream))
    }
  } finally {
    await stream.return(undefined as never)
  }
}

async function* untilEmpty(stream: AsyncGenerator<Uint8Array, unknown>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { value, done } = await stream.next()
    if (done === true || value.length === 0) return
    yield value
  }
}
