import type { Socket } from 'node:net'

/** Messages of the agent protocol (draft-miller-ssh-agent, section 6.1) that a step may send. */
const requestIdentities = 11
const signRequest = 13

/** The agent's "no". */
const failure = Buffer.from([0, 0, 0, 1, 5])

/** What OpenSSH takes at most, in bytes. */
const longestMessage = 256 << 10

/** Passes a step's requests on to an agent, one by one, until either side ends. It may list keys and have something signed; to add or
 * remove keys or to lock the agent is refused, so a step can't change an agent that others use. */
export async function relayAgent(step: Socket, agent: Socket): Promise<void> {
  const replies = messages(agent)
  for await (const request of messages(step)) {
    const type = request[4]
    if (type !== requestIdentities && type !== signRequest) {
      await write(step, failure)
      continue
    }
    await write(agent, request)
    const reply = await replies.next()
    if (reply.done) return
    await write(step, reply.value)
  }
}

/** Cuts a stream into messages, each with the four bytes of its length. */
async function* messages(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    while (held.length >= 4) {
      const length = held.readUInt32BE(0)
      if (length === 0 || length > longestMessage) throw new RangeError(`an agent message of ${length} bytes`)
      if (held.length < 4 + length) break
      yield held.subarray(0, 4 + length)
      held = held.subarray(4 + length)
    }
  }
}

function write(socket: Socket, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()))
  })
}
