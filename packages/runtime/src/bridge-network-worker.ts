import { parentPort, workerData } from 'node:worker_threads'
import { carryError, openHost, startThreadPool } from '@tsbuild/host'
import type { BridgeReply } from './bridge-network.js'
import { openBridge } from './network/bridge.js'
import { type PortBinding, publishPorts } from './network/ports.js'

/** Entry of the thread that a network namespace lives with. Ports are taken before it leaves the host's network, so its listening
 * sockets are the host's, and those that it connects with are the namespace's. */
const send = (reply: BridgeReply) => parentPort?.postMessage(reply)

async function serve(bindings: readonly PortBinding[]): Promise<void> {
  startThreadPool()
  let address = ''
  const publication = await publishPorts(bindings, () => address)
  const bridge = await openBridge()
  address = bridge.subnet.address
  parentPort?.once('message', () => {
    publication.close()
    bridge.close().then(
      () => process.exit(),
      (error: unknown) => {
        send({ kind: 'failed', error: carryError(error) })
        process.exit(1)
      },
    )
  })
  send({ kind: 'ready', threadId: openHost().gettid(), subnet: bridge.subnet, ports: publication.ports })
}

serve(workerData as readonly PortBinding[]).catch((error: unknown) => {
  send({ kind: 'failed', error: carryError(error) })
  process.exit(1)
})
