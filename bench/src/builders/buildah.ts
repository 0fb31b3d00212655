import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { command, findProgram } from '@tsbuild/testkit'
import type { Builder } from './builder.js'

/** Builds with buildah in a storage folder of its own, layer by layer (`--layers`), which is what has a cache. */
export async function startBuildah(directory: string): Promise<Builder> {
  const program = findProgram('buildah')
  if (program === undefined) throw new Error('Cannot start buildah: it is not installed')
  await mkdir(directory, { recursive: true })
  const storage = [
    '--root',
    join(directory, 'root'),
    '--runroot',
    join(directory, 'run'),
    '--storage-driver',
    'overlay',
  ]
  const buildah = (...args: string[]): Promise<string> => command(program, [...storage, ...args])
  const version = /version ([\d.]+)/.exec(await buildah('--version'))?.[1] ?? 'of unknown version'
  return {
    name: 'buildah',
    about: `buildah ${version} (build --layers, overlay, runc)`,
    daemons: [],
    async reset(base) {
      await buildah('rmi', '--all', '--force')
      await buildah('pull', '--quiet', '--tls-verify=false', base)
    },
    command: (context) => ({
      program,
      args: [...storage, 'build', '--layers', ...isolation, '--tls-verify=false', '-t', 'bench', context],
    }),
    async [Symbol.asyncDispose]() {
      await buildah('rmi', '--all', '--force').catch(() => '')
      await command('umount', [join(directory, 'root/overlay')]).catch(() => '')
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** runc, since crun refuses cgroups of mixed versions. */
const isolation = ['--isolation', 'oci', '--runtime', 'runc', '--network', 'host']
