import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, tempDir } from '@tsbuild/testkit'

interface Manifest {
  readonly manifests?: readonly { readonly digest: string }[]
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}

/** The entries of each layer of an OCI tar, as GNU tar lists them; directories end with a slash. */
export async function layersOf(tar: string): Promise<string[][]> {
  await using dir = await tempDir()
  await command('tar', ['-xf', tar, '-C', dir.path])
  const read = async (digest: string) => JSON.parse(await readFile(blob(dir.path, digest), 'utf8')) as Manifest
  let document = JSON.parse(await readFile(join(dir.path, 'index.json'), 'utf8')) as Manifest
  while (document.manifests !== undefined) document = await read(document.manifests[0]?.digest ?? '')
  const out: string[][] = []
  for (const { digest } of document.layers) {
    const listing = await command('tar', ['-tf', blob(dir.path, digest)])
    out.push(listing.split('\n').filter((line) => line !== ''))
  }
  return out
}

function blob(directory: string, digest: string): string {
  return join(directory, 'blobs', digest.replace(':', '/'))
}

export interface ImageDigests {
  readonly manifest: string
  readonly config: string
  readonly diffIds: readonly string[]
}

/** What names the image in an OCI tar. */
export async function imageDigestsOf(tar: string): Promise<ImageDigests> {
  await using dir = await tempDir()
  await command('tar', ['-xf', tar, '-C', dir.path])
  const read = async <T>(path: string) => JSON.parse(await readFile(path, 'utf8')) as T
  let manifest = ''
  let document = await read<Manifest>(join(dir.path, 'index.json'))
  while (document.manifests !== undefined) {
    manifest = document.manifests[0]?.digest ?? ''
    document = await read<Manifest>(blob(dir.path, manifest))
  }
  const { rootfs } = await read<{ rootfs: { diff_ids: string[] } }>(blob(dir.path, document.config.digest))
  return { manifest, config: document.config.digest, diffIds: rootfs.diff_ids }
}
