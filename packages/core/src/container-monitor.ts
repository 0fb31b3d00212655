import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type CarriedError, restoreError } from '@tsbuild/host'
import { containerPaths } from './containers/container-paths.js'
import type { MonitorConfig } from './containers/monitor/protocol.js'
import { CoreError } from './errors.js'

/** Starts the process that watches over a container; it outlives this one. Resolves when it listens.
 * @throws {CoreError} `CONTAINER_FAILED` */
export async function startMonitor(options: Omit<MonitorConfig, 'starter'>): Promise<void> {
  const config: MonitorConfig = { ...options, starter: process.pid }
  const { directory, monitorLog } = containerPaths(config.root, config.id)
  const log = openSync(monitorLog, 'w', 0o600)
  try {
    const entry = fileURLToPath(entryUrl(config.workerDir))
    const child = spawn(process.execPath, [entry, JSON.stringify(config)], {
      cwd: directory,
      env: environment(),
      detached: true,
      stdio: ['ignore', 'ignore', log, 'pipe'],
    })
    child.unref()
    const told = await readAll(child.stdio[3] as Readable, new Promise((_, reject) => child.once('error', reject)))
    if (told === '\n') return
    throw failed(config.id, told === '' ? new Error(`it ended at once; see ${monitorLog}`) : carried(told))
  } finally {
    closeSync(log)
  }
}

async function readAll(stream: Readable, failure: Promise<never>): Promise<string> {
  let text = ''
  const read = async () => {
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    return text
  }
  return await Promise.race([read(), failure])
}

function carried(line: string): Error {
  return restoreError(JSON.parse(line) as CarriedError)
}

function failed(id: string, cause: Error): CoreError {
  const message = `Cannot start container "${id.slice(0, 12)}": its monitor failed: ${cause.message}`
  return new CoreError('CONTAINER_FAILED', message, { cause })
}

/** Programs are looked for on PATH (an OCI runtime, an init); nothing else of the caller's environment is its business. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }
}

function entryUrl(workerDir: string | undefined): URL {
  const entry = new URL('./container-monitor-worker.js', import.meta.url)
  return workerDir === undefined ? entry : new URL(basename(entry.pathname), pathToFileURL(`${workerDir}/`))
}
