import type { IncomingMessage } from 'node:http'

/** So much of a body that nobody wants is read on, so that its sender comes to read the answer. */
const discardBytes = 8 << 20

/** Lets what is left of a body go nowhere; resolves at its end. Of a large one the connection is cut. */
export function discardBody(incoming: IncomingMessage): Promise<void> {
  if (incoming.complete) return Promise.resolve()
  let discarded = 0
  incoming.on('data', (chunk: Uint8Array) => {
    discarded += chunk.length
    if (discarded > discardBytes) incoming.socket.destroy()
  })
  incoming.resume()
  return new Promise((resolve) => incoming.once('end', resolve).once('close', resolve))
}
