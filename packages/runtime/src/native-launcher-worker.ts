import { parentPort, workerData } from 'node:worker_threads'
import { openLauncher } from './launcher.js'
import type { LauncherRequest } from './launcher-protocol.js'

/** Entry of the launcher, as a worker thread or as a child process: `stateDir` comes as worker data or as the first argument. */
if (parentPort) {
  const port = parentPort
  const launcher = openLauncher(String(workerData), (reply, transfer) => port.postMessage(reply, transfer))
  port.on('message', (request: LauncherRequest) => launcher.handle(request))
} else {
  const launcher = openLauncher(process.argv[2] ?? '', (reply) => {
    // The program may be gone; then this process ends, too.
    process.send?.(reply, undefined, undefined, () => {})
  })
  process.on('message', (request: LauncherRequest) => launcher.handle(request))
  process.once('disconnect', () => {
    launcher.killAll()
    process.exit()
  })
}
