import { Worker } from 'node:worker_threads'
import { shareLoadGate, terminateWorker } from '@tsbuild/host'
import type { LauncherReply } from './launcher-protocol.js'
import type { Transport, TransportEvents, TransportOptions } from './transport.js'

/** A launcher as a worker thread of this process. */
export function openThreadTransport({ entry, stateDir }: TransportOptions, events: TransportEvents): Transport {
  shareLoadGate()
  const worker = new Worker(entry, {
    name: 'tsbuild-launcher',
    execArgv: [],
    env: { PATH: '/usr/bin:/bin' },
    // Pipes are opened by system calls of ours, which Node knows nothing of.
    trackUnmanagedFds: false,
    workerData: stateDir,
  })
  let crash: unknown
  worker.on('message', (reply: LauncherReply) => events.onReply(reply))
  worker.on('error', (error) => {
    crash = error
  })
  worker.once('exit', (code) => events.onExit(crash ?? new Error(`The launcher thread ended with code ${code}`)))
  return {
    send: (request) => worker.postMessage(request),
    hold: (keep) => (keep ? worker.ref() : worker.unref()),
    close: async () => {
      await terminateWorker(worker)
    },
  }
}
