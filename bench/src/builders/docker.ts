import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { command, findProgram } from '@tsbuild/testkit'
import type { Builder } from './builder.js'

/** Debian's client: others that may stand before it on PATH have no builder built in. */
const client = '/usr/bin/docker'

/** Starts a private dockerd, with its own socket and folders and without a bridge, and builds with the BuildKit in it. */
export async function startDocker(directory: string): Promise<Builder> {
  const dockerd = findProgram('dockerd')
  if (dockerd === undefined || !existsSync(client)) throw new Error('Cannot start dockerd: docker.io is not installed')
  await mkdir(directory, { recursive: true })
  const socket = join(directory, 'docker.sock')
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_BUILDKIT: '1', DOCKER_CONFIG: join(directory, 'config') }
  const { pid, stop } = await startDaemon(dockerd, directory, socket)
  const docker = (...args: string[]): Promise<string> => command(client, args, { env })
  try {
    await waitUntilReady(() => docker('version'), join(directory, 'log'))
    const version = (await docker('version', '--format', '{{.Server.Version}}')).trim()
    return {
      name: 'docker',
      about: `docker ${version} (BuildKit in a warm dockerd, overlay2; builds into its image store)`,
      daemons: [pid],
      async reset(base) {
        const images = (await docker('image', 'ls', '-aq')).split('\n').filter((id) => id !== '')
        if (images.length > 0) await docker('image', 'rm', '-f', ...new Set(images))
        await docker('builder', 'prune', '-af')
        await docker('pull', '-q', base)
      },
      command: (context) => ({
        program: client,
        args: ['build', '--network', 'host', '--progress', 'plain', '-t', 'bench', context],
        env,
      }),
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startDaemon(
  program: string,
  directory: string,
  socket: string,
): Promise<{ pid: number; stop: () => Promise<void> }> {
  await using log = await open(join(directory, 'log'), 'w')
  const folders = ['--data-root', 'data', '--exec-root', 'exec', '--pidfile', 'pid'].map((word) =>
    word.startsWith('-') ? word : join(directory, word),
  )
  const args = ['--bridge=none', '--iptables=false', '--ip6tables=false', ...folders, '-H', `unix://${socket}`]
  // Detached, since Ctrl-C goes to the whole group, and we end it in our own order.
  const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], detached: true })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM')
      const killed = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(killed)
      await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}

async function waitUntilReady(probe: () => Promise<unknown>, log: string): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    try {
      await probe()
      return
    } catch {
      await sleep(200)
    }
  }
  throw new Error(`Cannot start dockerd: no answer within 30 s\n${(await readFile(log, 'utf8')).slice(-2000)}`)
}
