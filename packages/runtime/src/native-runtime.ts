import { mkdirSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ContainerRuntime } from '@tsbuild/spec'
import { RuntimeError } from './errors.js'
import { type LauncherClient, openLauncherClient } from './launcher-client.js'
import { openProcessTransport } from './process-transport.js'
import { openThreadTransport } from './thread-transport.js'

export interface NativeRuntimeOptions {
  /** Where the launcher lives: in a thread of this process, or in a Node process of its own. `auto` is the thread. */
  readonly transport?: 'thread' | 'process' | 'auto'
  /** A directory of the runtime's own, made if it is missing. It stays empty on disk: the launcher mounts memory on it. */
  readonly stateDir: string
  /** Where a bundler has put `native-launcher-worker.js`, when it is not beside this module. */
  readonly workerDir?: string
}

/** The runtime that needs nothing but Linux: processes in namespaces of their own, started by a launcher.
 *
 * It needs root with CAP_SYS_ADMIN and Linux 5.9. The launcher starts with the first step (30–70 ms) and then takes a few
 * milliseconds a step; many may run at once. When this process dies, however it does, the kernel ends its steps. */
export function createNativeRuntime(options: NativeRuntimeOptions): ContainerRuntime {
  const { transport = 'auto', stateDir } = options
  const open = transport === 'process' ? openProcessTransport : openThreadTransport
  const clients = new Set<LauncherClient>()
  let current: LauncherClient | undefined
  let closed = false
  const launcher = (): LauncherClient => {
    if (closed) throw new RuntimeError('RUNTIME_UNAVAILABLE', 'Cannot run a process: the runtime is closed')
    if (!current?.usable) {
      mkdirSync(stateDir, { recursive: true, mode: 0o700 })
      current = openLauncherClient((events) => open({ entry: entryUrl(options.workerDir), stateDir }, events))
      clients.add(current)
    }
    return current
  }
  return {
    kind: 'native',
    warm() {
      launcher()
    },
    async run(process, runOptions = {}) {
      runOptions.signal?.throwIfAborted()
      return launcher().run(process, runOptions)
    },
    async start(process, startOptions = {}) {
      startOptions.signal?.throwIfAborted()
      return launcher().start(process, startOptions)
    },
    async exec(target, process, startOptions = {}) {
      startOptions.signal?.throwIfAborted()
      return launcher().exec(target, process, startOptions)
    },
    pause: async (target) => launcher().pause(target),
    async [Symbol.asyncDispose]() {
      closed = true
      await Promise.all([...clients].map((client) => client.close()))
    },
  }
}

function entryUrl(workerDir: string | undefined): URL {
  const entry = new URL('./native-launcher-worker.js', import.meta.url)
  return workerDir === undefined ? entry : new URL(basename(entry.pathname), pathToFileURL(`${workerDir}/`))
}
