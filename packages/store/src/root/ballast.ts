import { rmSync, statSync } from 'node:fs'
import { open, rename, rm, statfs } from 'node:fs/promises'
import { faultPoint } from '@tsbuild/spec'
import type { RootPaths } from './root-paths.js'

const ballastBytes = 8 << 20
/** Made only where there is this many times its size, so that it never is what fills a disk. */
const roomFactor = 8

/** A file that is given up when the disk is full: removing something needs database pages, too. */
export interface Ballast {
  /** Gives the space back; tells whether there was any. */
  free(): boolean
  /** Makes it again, if there is room; failures don't matter. */
  fill(): Promise<void>
}

export function createBallast({ root, ballast }: RootPaths): Ballast {
  return {
    free() {
      if (!exists(ballast)) return false
      rmSync(ballast, { force: true })
      return true
    },
    async fill() {
      if (exists(ballast)) return
      const { bavail, bsize } = await statfs(root)
      if (bavail * bsize < ballastBytes * roomFactor) return
      await write(ballast).catch(() => {})
    },
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.size === ballastBytes
}

/** Real zeros: a hole would hold no space. */
async function write(path: string): Promise<void> {
  const aside = `${path}.tmp`
  const file = await open(aside, 'w', 0o600)
  try {
    const zeros = Buffer.alloc(1 << 20)
    for (let offset = 0; offset < ballastBytes; offset += zeros.length) await file.write(zeros, 0, zeros.length, offset)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  } finally {
    await file.close()
  }
  faultPoint('ballast.publish.before')
  await rename(aside, path)
}
