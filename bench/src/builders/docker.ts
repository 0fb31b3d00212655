import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '@tsbuild/testkit'
import type { Builder } from './builder.js'
import { socketOf, startDockerd } from './dockerd.js'

/** Debian's client: others that may stand before it on PATH have no builder built in. */
const client = '/usr/bin/docker'

/** Starts a private dockerd and builds with the BuildKit in it. */
export async function startDocker(directory: string): Promise<Builder> {
  if (!existsSync(client)) throw new Error('Cannot start docker: docker.io is not installed')
  const env = {
    DOCKER_HOST: `unix://${socketOf(directory)}`,
    DOCKER_BUILDKIT: '1',
    DOCKER_CONFIG: join(directory, 'config'),
  }
  const docker = (...args: string[]): Promise<string> => command(client, args, { env })
  const build = (...args: string[]) => ({
    program: client,
    args: ['build', '--network', 'host', '--progress', 'plain', ...args],
    env,
  })
  const pull = async (image: string) => void (await docker('pull', '-q', image))
  let turn = 0
  const data = () => join(directory, `data-${turn}`)
  let daemon = await startDockerd(directory, data())
  const restart = async (): Promise<number> => {
    await daemon.stop()
    daemon = await startDockerd(directory, data())
    return daemon.startedInMs
  }
  const clear = async (): Promise<void> => {
    turn++
    await restart()
  }
  const stop = async (): Promise<void> => {
    await daemon.stop()
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
  try {
    const version = (await docker('version', '--format', '{{.Server.Version}}')).trim()
    return {
      name: 'docker',
      about: `docker ${version} (BuildKit in a warm dockerd, overlay2; builds into its image store)`,
      cacheAbout: 'it has `type=inline` only: `BUILDKIT_INLINE_CACHE=1`, and a push of the image',
      get daemons() {
        return [daemon.pid]
      },
      get data() {
        return data()
      },
      clear,
      async reset(base) {
        await clear()
        await pull(base)
      },
      async prune() {
        await docker('builder', 'prune', '-f')
      },
      pull,
      command: (context) => build('-t', 'bench', context),
      list: () => ({ program: client, args: ['images'], env }),
      exportCache: (context, repository) => [
        build('--build-arg', 'BUILDKIT_INLINE_CACHE=1', '-t', repository, context),
        { program: client, args: ['push', '-q', repository], env },
      ],
      importCache: (context, repository, keep) =>
        keep === 'nothing'
          ? undefined
          : { ...build('--cache-from', repository, '-t', 'bench', context), says: /CACHED/ },
      restart,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
