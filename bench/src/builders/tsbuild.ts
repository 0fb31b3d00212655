import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from '@tsbuild/testkit'
import type { Builder } from './builder.js'

const cli = fileURLToPath(new URL('../../../node_modules/.bin/tsbuild', import.meta.url))

/** tsbuild as its CLI, with a root folder of its own. */
export async function startTsbuild(directory: string): Promise<Builder> {
  const root = join(directory, 'root')
  const prime = join(directory, 'prime')
  await mkdir(prime, { recursive: true })
  const env = { TSBUILD_ROOT: root }
  const version = (await command(cli, ['--version'])).trim().split(' ').at(-1)
  return {
    name: 'tsbuild',
    about: `tsbuild ${version} (CLI, no daemon; builds into its local image store)`,
    daemons: [],
    async reset(base) {
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
      await writeFile(join(prime, 'Dockerfile'), `FROM ${base}\n`)
      await command(cli, ['build', '-q', '-t', 'base', prime], { env })
    },
    command: (context) => ({ program: cli, args: ['build', '--progress', 'plain', '-t', 'bench', context], env }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  }
}
