import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from '@tsbuild/testkit'
import type { Builder } from './builder.js'

const cli = fileURLToPath(new URL('../../../node_modules/.bin/tsbuild', import.meta.url))

/** tsbuild as its CLI, with a root folder of its own. */
export async function startTsbuild(directory: string): Promise<Builder> {
  const prime = join(directory, 'prime')
  await mkdir(prime, { recursive: true })
  let turn = 0
  const root = () => join(directory, `root-${turn}`)
  const env = () => ({ TSBUILD_ROOT: root() })
  const version = (await command(cli, ['--version'])).trim().split(' ').at(-1)
  const clear = async () => void turn++
  const build = (...args: string[]) => ({ program: cli, args: ['build', '--progress', 'plain', ...args], env: env() })
  return {
    name: 'tsbuild',
    about: `tsbuild ${version} (CLI, no daemon; builds into its local image store)`,
    cacheAbout: '`--cache-to type=registry,mode=max -o type=cacheonly`',
    daemons: [],
    get data() {
      return root()
    },
    clear,
    async reset(base) {
      await clear()
      await writeFile(join(prime, 'Dockerfile'), `FROM ${base}\n`)
      await command(cli, ['build', '-q', '-t', 'base', prime], { env: env() })
    },
    async prune() {
      await command(cli, ['prune', '-f'], { env: env() })
    },
    async pull(image) {
      await command(cli, ['pull', '-q', image], { env: env() })
    },
    command: (context) => build('-t', 'bench', context),
    list: () => ({ program: cli, args: ['images'], env: env() }),
    exportCache: (context, repository) => [
      build('--cache-to', `type=registry,ref=${repository},mode=max,required`, '-o', 'type=cacheonly', context),
    ],
    importCache: (context, repository, keep) => ({
      ...build('--cache-from', repository, ...(keep === 'image' ? ['-t', 'bench'] : ['-o', 'type=cacheonly']), context),
      says: /CACHED/,
    }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  }
}
