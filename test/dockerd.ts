import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findProgram, tempDir } from '@tsbuild/testkit'

const execute = promisify(execFile)

/** Debian's Docker daemon on a private socket; disposing it ends it and removes its data. */
export interface Dockerd extends AsyncDisposable {
  /** For `DOCKER_HOST`. */
  readonly host: string
  docker(args: readonly string[]): Promise<string>
}

export function dockerdProblem(): string | undefined {
  return findProgram('dockerd') === undefined ? 'docker.io is not installed' : undefined
}

export async function startDockerd(): Promise<Dockerd> {
  const dir = await tempDir('tsbuild-dockerd-')
  const socket = `unix://${join(dir.path, 'docker.sock')}`
  const child = spawn(
    findProgram('dockerd') ?? 'dockerd',
    [
      '--bridge=none',
      '--iptables=false',
      '--data-root',
      join(dir.path, 'data'),
      '--exec-root',
      join(dir.path, 'exec'),
      '--pidfile',
      join(dir.path, 'pid'),
      '-H',
      socket,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  )
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4096)
  })
  const exited = once(child, 'exit')
  const docker = async (args: readonly string[]) =>
    (await execute('/usr/bin/docker', ['-H', socket, ...args], { maxBuffer: 1 << 26 })).stdout
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await Promise.race([exited, sleep(15_000, undefined, { ref: false })])
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }
    await execute('sh', [
      '-c',
      `grep -o ' ${dir.path}[^ ]*' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l`,
    ]).catch(() => {})
    await dir[Symbol.asyncDispose]()
  }
  for (let tries = 0; ; tries++) {
    try {
      await docker(['version'])
      return { host: socket, docker, [Symbol.asyncDispose]: stop }
    } catch (cause) {
      if (child.exitCode === null && tries < 100) {
        await sleep(200)
        continue
      }
      await stop()
      throw new Error(`Cannot start dockerd:\n${log}`, { cause })
    }
  }
}
