import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { command, findProgram } from '@tsbuild/testkit'
import type { Builder } from './builder.js'

/** Builds with buildah in a storage folder of its own, layer by layer (`--layers`), which is what has a cache. */
export async function startBuildah(directory: string): Promise<Builder> {
  const program = findProgram('buildah')
  if (program === undefined) throw new Error('Cannot start buildah: it is not installed')
  await mkdir(directory, { recursive: true })
  let turn = 0
  const root = (number = turn) => join(directory, `root-${number}`)
  const storage = () => ['--root', root(), '--runroot', join(directory, `run-${turn}`), '--storage-driver', 'overlay']
  const buildah = (...args: string[]): Promise<string> => command(program, [...storage(), ...args])
  const version = /version ([\d.]+)/.exec(await buildah('--version'))?.[1] ?? 'of unknown version'
  const build = (...args: string[]) => ({
    program,
    args: [...storage(), 'build', '--layers', ...isolation, '--tls-verify=false', ...args],
  })
  const clear = async () => void turn++
  const pull = async (image: string) => void (await buildah('pull', '--quiet', '--tls-verify=false', image))
  return {
    name: 'buildah',
    about: `buildah ${version} (build --layers, overlay, runc)`,
    cacheAbout: '`--cache-to`: an image a step; the image is kept',
    daemons: [],
    get data() {
      return root()
    },
    clear,
    async reset(base) {
      await clear()
      await pull(base)
    },
    async prune() {
      await buildah('rmi', '--prune')
    },
    pull,
    command: (context) => build('-t', 'bench', context),
    list: () => ({ program, args: [...storage(), 'images'] }),
    exportCache: (context, repository) => [build('--cache-to', repository, '-t', 'bench', context)],
    importCache: (context, repository, keep) =>
      keep === 'nothing'
        ? undefined
        : { ...build('--cache-from', repository, '-t', 'bench', context), says: /Cache pulled from remote/ },
    async [Symbol.asyncDispose]() {
      for (let number = 0; number <= turn; number++) {
        await command('umount', [join(root(number), 'overlay')]).catch(() => '')
      }
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** runc, since crun refuses cgroups of mixed versions. */
const isolation = ['--isolation', 'oci', '--runtime', 'runc', '--network', 'host']
