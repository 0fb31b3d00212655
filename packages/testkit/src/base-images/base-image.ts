import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ContainerConfig, canonicalDigest, digestHex, formatPlatform, hostPlatform } from '@tsbuild/spec'
import { makeBusyboxRootfs } from './busybox.js'
import { command, findProgram } from './command.js'
import { debianSuite, makeDebianTar } from './debian.js'
import { withFileLock } from './file-lock.js'
import { writeOciLayout } from './oci-layout.js'

export type BaseImageName = 'busybox' | 'debian'

/** A base image on disk; both stay where they are, and are only to be read. */
export interface BaseImage {
  readonly name: BaseImageName
  /** An OCI image layout with the tag `latest`. */
  readonly layout: string
  /** The root file system as an uncompressed tar. */
  readonly tar: string
}

/** 2023-01-01: no file of a base image is newer. */
const epoch = 1_672_531_200
/** Counted up when a recipe changes, so that no image of an older one is taken from the cache. */
const recipe = 1
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const recipes: Readonly<
  Record<
    BaseImageName,
    { config: ContainerConfig; createdBy: string; needs: string[]; make: (tar: string) => Promise<void> }
  >
> = {
  busybox: {
    config: { Cmd: ['sh'], Env: [path] },
    createdBy: 'busybox-static with all applets',
    needs: ['busybox', 'tar'],
    make: makeBusyboxTar,
  },
  debian: {
    config: { Cmd: ['bash'], Env: [path] },
    createdBy: `mmdebstrap --variant=minbase ${debianSuite}`,
    needs: ['mmdebstrap'],
    make: (tar) => makeDebianTar(tar, epoch),
  },
}

/** Why an image can't be made here, as a reason to skip a test; `undefined` where it can. */
export function baseImageProblem(name: BaseImageName): string | undefined {
  const missing = recipes[name].needs.filter((program) => findProgram(program) === undefined)
  if (missing.length > 0) return `${missing.join(' and ')} not installed`
  return process.getuid?.() === 0 ? undefined : 'needs root'
}

/** Makes a base image of the machine's own programs, once: it is kept in `$XDG_CACHE_HOME/tsbuild` or the repository's `.cache`.
 * busybox takes a fraction of a second, debian (with apt and the machine's mirror) 20 s the first time. */
export async function baseImage(name: BaseImageName): Promise<BaseImage> {
  const parent = cacheFolder()
  const key = canonicalDigest([name, recipe, epoch, debianSuite, formatPlatform(hostPlatform())])
  const directory = join(parent, `${name}-${digestHex(key).slice(0, 12)}`)
  await mkdir(parent, { recursive: true })
  if (!existsSync(directory)) {
    await withFileLock(`${directory}.lock`, async () => {
      if (!existsSync(directory)) await make(name, parent, directory)
    })
  }
  return { name, layout: join(directory, 'layout'), tar: join(directory, 'rootfs.tar') }
}

function cacheFolder(): string {
  const xdg = process.env['XDG_CACHE_HOME']
  if (xdg !== undefined && xdg !== '') return join(xdg.replace(/^~/, homedir()), 'tsbuild/base-images')
  return fileURLToPath(new URL('../../../../.cache/base-images', import.meta.url))
}

async function make(name: BaseImageName, parent: string, directory: string): Promise<void> {
  const problem = baseImageProblem(name)
  if (problem !== undefined) throw new Error(`Cannot make base image "${name}": ${problem}`)
  const { config, createdBy, make: makeTar } = recipes[name]
  const work = await mkdtemp(join(parent, '.new-'))
  try {
    const tar = join(work, 'rootfs.tar')
    await makeTar(tar)
    await writeOciLayout(join(work, 'layout'), { tar, config, createdBy, epoch })
    await rename(work, directory)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function makeBusyboxTar(tar: string): Promise<void> {
  const rootfs = `${tar}.d`
  await mkdir(rootfs, { mode: 0o755 })
  try {
    await makeBusyboxRootfs(rootfs)
    const stable = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${epoch}`, '--format=gnu']
    await command('tar', [...stable, '-cf', tar, '-C', rootfs, '.'])
  } finally {
    await rm(rootfs, { recursive: true, force: true })
  }
}
