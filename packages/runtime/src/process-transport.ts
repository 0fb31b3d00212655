import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LauncherReply } from './launcher-protocol.js'
import type { Transport, TransportEvents, TransportOptions } from './transport.js'

/** A launcher as a Node process of its own. It ends, and kills its steps, when this process does. */
export function openProcessTransport({ entry, stateDir }: TransportOptions, events: TransportEvents): Transport {
  const child = spawn(process.execPath, [fileURLToPath(entry), stateDir], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    // Ctrl-C in the terminal is this process's business.
    detached: true,
  })
  let failure: unknown
  const gone = new Promise<void>((resolve) => {
    const end = (cause: unknown) => {
      events.onExit(cause)
      resolve()
    }
    child.on('message', (reply) => events.onReply(reply as LauncherReply))
    child.on('error', (error) => {
      failure = error
      if (child.pid === undefined) end(error)
    })
    child.once('exit', (code, signal) => end(failure ?? new Error(`The launcher process ended with ${signal ?? code}`)))
  })
  return {
    send: (request) => void (child.connected && child.send(request)),
    hold: (keep) => hold(child, keep),
    close() {
      if (child.connected) child.disconnect()
      return gone
    },
  }
}

function hold(child: ChildProcess, keep: boolean): void {
  if (keep) {
    child.ref()
    child.channel?.ref()
  } else {
    child.unref()
    child.channel?.unref()
  }
}
