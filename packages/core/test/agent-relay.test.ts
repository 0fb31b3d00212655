import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { openAgentProxy } from '../dist/ssh/agent-proxy.js'
import { openSocketDirectory } from '../dist/ssh/socket-directory.js'

function message(type: number, body = ''): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(1 + body.length, 0)
  head[4] = type
  return Buffer.concat([head, Buffer.from(body)])
}

interface Fixture extends AsyncDisposable {
  /** Types of the messages that reached the agent. */
  readonly seen: number[]
  readonly path: string
  connect(): Promise<Socket>
}

/** An agent that answers each message with type 12 and the message's own type as text, a byte a write. */
async function fixture(): Promise<Fixture> {
  const dir = await tempDir()
  const seen: number[] = []
  const agent = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data: Buffer) => {
      seen.push(data[4] ?? 0)
      for (const byte of message(12, String(data[4]))) socket.write(Buffer.of(byte))
    })
  }).listen(join(dir.path, 'agent'))
  await once(agent, 'listening')
  const directory = await openSocketDirectory(join(dir.path, 'd'.repeat(120)))
  const access = { mode: 0o640, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const proxy = await openAgentProxy(directory, 'step', join(dir.path, 'agent'), access)
  return {
    seen,
    path: proxy.path,
    async connect() {
      const socket = connect(directory.short('step'))
      await once(socket, 'connect')
      return socket
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
      await new Promise((resolve) => agent.close(resolve))
      await dir[Symbol.asyncDispose]()
    },
  }
}

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let length = 0; length < bytes; ) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    chunks.push(chunk)
    length += chunk.length
  }
  return Buffer.concat(chunks)
}

tests('agent relay', (test) => {
  test('openAgentProxy() passes lists and signatures on and refuses the rest, in order, however messages are cut', async () => {
    const requests = Buffer.concat([17, 11, 19, 13, 22, 27, 25, 0, 11].map((type) => message(type, 'body')))
    const no = message(5)
    const expected = Buffer.concat([no, message(12, '11'), no, message(12, '13'), no, no, no, no, message(12, '11')])
    for (const size of [1, 3, 7, requests.length]) {
      await using agent = await fixture()
      const socket = await agent.connect()
      socket.setNoDelay(true)
      for (let at = 0; at < requests.length; at += size) {
        await new Promise((resolve) => socket.write(requests.subarray(at, at + size), resolve))
      }
      assert.equal(await read(socket, expected.length), expected)
      assert.equal(agent.seen, [11, 13, 11])
      socket.destroy()
    }
  })

  test('openAgentProxy() ends the connection at a message that can not be, and others go on', async () => {
    await using agent = await fixture()
    const fine = await agent.connect()
    for (const length of [0, (256 << 10) + 1, 0xffffffff]) {
      const bad = await agent.connect()
      bad.on('error', () => {})
      const head = Buffer.alloc(5)
      head.writeUInt32BE(length, 0)
      bad.write(head)
      await once(bad, 'close')
    }
    fine.write(message(11))
    assert.equal(await read(fine, 7), message(12, '11'))
    assert.is((await stat(agent.path)).mode & 0o777, 0o640)
    const closed = once(fine, 'close')
    await agent[Symbol.asyncDispose]()
    await closed
    assert.is(await stat(agent.path).catch((error: NodeJS.ErrnoException) => error.code), 'ENOENT')
    fine.destroy()
  })
})
