import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { shareLoadGate, terminateWorker } from '@tsbuild/host'
import type { Runtime } from '@tsbuild/spec'
import { RuntimeError } from './errors.js'
import { type LauncherClient, openLauncherClient } from './launcher-client.js'
import type { LauncherReply } from './launcher-protocol.js'
import type { OciLauncherOptions } from './oci/oci-launcher.js'
import { findOciPrograms } from './oci/oci-programs.js'
import type { Transport, TransportEvents } from './transport.js'

export interface OciRuntimeOptions {
  /** Name or path of an OCI program (runc, crun, youki). Default: runc, else crun, whichever on PATH can start a step here. */
  readonly program?: string
  /** A directory of the runtime's own, made if it is missing; several processes may share it. */
  readonly stateDir: string
  /** Where a bundler has put `oci-launcher-worker.js`, when it is not beside this module. */
  readonly workerDir?: string
}

/** Runs processes through an OCI program, with Docker's defaults in a `config.json` of its own.
 *
 * It needs root with CAP_SYS_ADMIN. The root is mounted in a mount namespace around the program's, so that no mount is ever left;
 * when this process dies, however it does, the kernel ends its steps. Of a step that a signal ended only the code (128 + number) is
 * known. A command without a slash gets Docker's PATH where the environment has none. */
export function createOciRuntime(options: OciRuntimeOptions): Runtime {
  const { stateDir, workerDir } = options
  const clients = new Set<LauncherClient>()
  let current: LauncherClient | undefined
  let closed = false
  const launcher = (): LauncherClient => {
    if (closed) throw new RuntimeError('RUNTIME_UNAVAILABLE', 'Cannot run a process: the runtime is closed')
    if (!current?.usable) {
      const programs = findOciPrograms(options.program)
      const homeDir = join(stateDir, 'oci-home')
      mkdirSync(homeDir, { recursive: true, mode: 0o700 })
      const data = { homeDir, stateRoot: join(stateDir, 'oci-state'), programs }
      current = openLauncherClient((events) => openTransport(entryUrl(workerDir), data, events))
      clients.add(current)
    }
    return current
  }
  return {
    kind: 'oci',
    async run(process, runOptions = {}) {
      runOptions.signal?.throwIfAborted()
      return launcher().run(process, runOptions)
    },
    async [Symbol.asyncDispose]() {
      closed = true
      await Promise.all([...clients].map((client) => client.close()))
    },
  }
}

function openTransport(entry: URL, workerData: OciLauncherOptions, events: TransportEvents): Transport {
  shareLoadGate()
  const worker = new Worker(entry, {
    name: 'tsbuild-oci-launcher',
    execArgv: [],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    // Pipes are opened by system calls of ours, which Node knows nothing of.
    trackUnmanagedFds: false,
    workerData,
  })
  let crash: unknown
  let gone = false
  let closed = () => {}
  worker.on('message', (reply: LauncherReply | { readonly kind: 'closed' }) => {
    if (reply.kind === 'closed') closed()
    else events.onReply(reply)
  })
  worker.on('error', (error) => {
    crash = error
  })
  worker.once('exit', (code) => {
    gone = true
    closed()
    events.onExit(crash ?? new Error(`The launcher thread ended with code ${code}`))
  })
  return {
    send: (request) => worker.postMessage(request),
    hold: (keep) => (keep ? worker.ref() : worker.unref()),
    async close() {
      if (!gone) {
        worker.ref()
        await new Promise<void>((resolve) => {
          closed = resolve
          worker.postMessage({ kind: 'close' })
        })
      }
      await terminateWorker(worker)
    },
  }
}

function entryUrl(workerDir: string | undefined): URL {
  const entry = new URL('./oci-launcher-worker.js', import.meta.url)
  return workerDir === undefined ? entry : new URL(basename(entry.pathname), pathToFileURL(`${workerDir}/`))
}
