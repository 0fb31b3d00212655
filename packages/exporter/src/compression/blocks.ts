import type { ByteStream } from '@tsbuild/spec'

export interface Block {
  readonly data: Buffer
  readonly last: boolean
}

/** Cuts a stream into blocks of one size, whatever its chunks are; the last may be shorter, and is empty for an empty stream. */
export async function* blocks(stream: ByteStream, blockBytes: number): AsyncGenerator<Block> {
  let block = Buffer.allocUnsafe(blockBytes)
  let filled = 0
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === blockBytes) {
        yield { data: block, last: false }
        block = Buffer.allocUnsafe(blockBytes)
        filled = 0
      }
      const part = chunk.subarray(at, at + blockBytes - filled)
      block.set(part, filled)
      filled += part.length
      at += part.length
    }
  }
  yield { data: block.subarray(0, filled), last: true }
}

/** Maps items side by side, at most `limit` at a time, and yields the results in order. */
export async function* mapInOrder<In, Out>(
  items: AsyncIterable<In>,
  limit: number,
  map: (item: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const running: Promise<Out>[] = []
  try {
    for await (const item of items) {
      const result = map(item)
      // Told when its turn comes; not as an unhandled rejection before.
      result.catch(() => {})
      running.push(result)
      if (running.length >= limit) yield await running.shift()!
    }
    while (running.length > 0) yield await running.shift()!
  } finally {
    await Promise.allSettled(running)
  }
}
