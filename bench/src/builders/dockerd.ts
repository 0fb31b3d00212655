import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from '@tsbuild/testkit'

/** A private dockerd, with its own socket and folders and without a bridge. */
export interface Dockerd {
  readonly pid: number
  /** Until it answered, in milliseconds. */
  readonly startedInMs: number
  /** Its folders stay. */
  stop(): Promise<void>
}

export const socketOf = (directory: string): string => join(directory, 'docker.sock')

/** @throws Error where dockerd is not installed, or gives no answer */
export async function startDockerd(directory: string, data: string): Promise<Dockerd> {
  const program = findProgram('dockerd')
  if (program === undefined) throw new Error('Cannot start dockerd: docker.io is not installed')
  await mkdir(directory, { recursive: true })
  await rm(socketOf(directory), { force: true })
  await using log = await open(join(directory, 'log'), 'w')
  const folders = ['--data-root', data, '--exec-root', join(directory, 'exec')]
  const files = ['--pidfile', join(directory, 'pid'), '-H', `unix://${socketOf(directory)}`]
  const args = ['--bridge=none', '--iptables=false', '--ip6tables=false', ...folders, ...files]
  const started = performance.now()
  // Detached, since Ctrl-C goes to the whole group, and we end it in our own order.
  const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], detached: true })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    const killed = setTimeout(() => child.kill('SIGKILL'), 20_000)
    await ended
    clearTimeout(killed)
  }
  try {
    await waitUntilReady(directory)
    return { pid: child.pid ?? 0, startedInMs: performance.now() - started, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function waitUntilReady(directory: string): Promise<void> {
  const end = performance.now() + 60_000
  while (performance.now() < end) {
    if (existsSync(socketOf(directory)) && (await ping(socketOf(directory)))) return
    await sleep(10)
  }
  const log = await readFile(join(directory, 'log'), 'utf8')
  throw new Error(`Cannot start dockerd: no answer within a minute\n${log.slice(-2000)}`)
}

/** The socket is there before the daemon: it answers when it is ready. */
function ping(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/_ping', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.setTimeout(10_000, () => asked.destroy())
    asked.once('error', () => resolve(false))
    asked.end()
  })
}
