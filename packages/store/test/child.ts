import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Digest } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import { addImage, descriptorOf, platform } from './helpers.js'
import { pidSessions } from './pid-sessions.js'

/** What the tests let other processes do. The same data for everyone: all of them write the same blobs. */
const [job, root = '', argument = ''] = process.argv.slice(2)
const store = await openStore(root, { sessions: pidSessions(), syncFileSystem: async () => {} })

switch (job) {
  case 'write-same':
    await writeSame(Number(argument))
    break
  case 'hang-in-ingest':
    await hangInIngest()
    break
  case 'commit-forever':
    await commitForever()
    break
  case 'hold-lease':
    await store.leases.acquire({ kind: 'blob', digest: argument as Digest })
    process.send?.('leased')
    await delay(60_000)
    break
  default:
    throw new Error(`unknown job "${job}"`)
}
await store[Symbol.asyncDispose]()
process.disconnect?.()

async function writeSame(rounds: number): Promise<void> {
  const table = store.metadata.table<number>('counts')
  for (let round = 0; round < rounds; round++) {
    const data = Buffer.alloc(200_000, round)
    await store.content.writeBlob(descriptorOf(data), data)
    await table.put(`${process.pid}/${round}`, round)
    const { manifest } = await addImage(store, Buffer.alloc(1024 * (round + 1)))
    await store.images.set(`docker.io/library/p${process.pid}:${round}`, { manifest, platform })
    await store.layers.addBlob(manifest.digest as never, {
      ...manifest,
      sources: [{ registry: 'r', repository: `p${process.pid}` }],
    })
  }
}

async function hangInIngest(): Promise<void> {
  const data = Buffer.alloc(3_000_000, 7)
  const ingest = await store.content.openIngest(descriptorOf(data))
  await ingest.write(data.subarray(0, 2_000_000))
  await store.leases.acquire({ kind: 'blob', digest: descriptorOf(data).digest })
  process.send?.('written')
  await delay(60_000)
}

async function commitForever(): Promise<void> {
  const table = store.metadata.table<{ readonly half: string }>('pairs')
  for (let count = 0; ; count++) {
    const half = randomBytes(500).toString('hex')
    await table.batch([
      ['left', { half }],
      ['right', { half }],
    ])
    if (count === 5) process.send?.('busy')
  }
}
