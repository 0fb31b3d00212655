import { parentPort, workerData } from 'node:worker_threads'
import type { LauncherRequest } from './launcher-protocol.js'
import { type OciLauncherOptions, openOciLauncher } from './oci/oci-launcher.js'

/** Entry of the launcher of the OCI runtime, a worker thread. `close` is answered by `closed` once nothing of any step is left. */
const port = parentPort
if (port) {
  const launcher = openOciLauncher(workerData as OciLauncherOptions, (reply, transfer) =>
    port.postMessage(reply, transfer),
  )
  port.on('message', (request: LauncherRequest | { readonly kind: 'close' }) => {
    if (request.kind === 'close') void launcher.close().finally(() => port.postMessage({ kind: 'closed' }))
    else launcher.handle(request)
  })
}
