import { randomBytes } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type ArchivedImage, type LayoutImage, writeDockerImages, writeOciImages } from '@tsbuild/exporter'
import {
  type CallOptions,
  type Digest,
  familiarReference,
  familiarRepository,
  faultPoint,
  type Reference,
} from '@tsbuild/spec'
import type { ArchiveDestination, SaveOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { exportableImage, isStored, sourceLayers } from './exportable-image.js'
import { holdImage } from './hold-image.js'
import { openImageSource, type SourceLayer } from './image-source.js'
import { findImage, namedImages, type StoredImage } from './stored-images.js'

/** Writes images into one archive. */
export async function saveImages(
  parts: EngineParts,
  names: readonly string[],
  destination: ArchiveDestination,
  { format = 'docker-archive', compression = 'none', signal, onEvent }: SaveOptions,
): Promise<void> {
  if (names.length === 0) throw new CoreError('OPTION_INVALID', 'Cannot save: no image is named')
  const call = signal === undefined ? {} : { signal }
  const chosen = chooseImages(parts, names)
  const leases: AsyncDisposable[] = []
  try {
    for (const { image, shown } of chosen) leases.push(await holdImage(parts, image, shown))
    const options = {
      ...call,
      archiveCompression: compression,
      onProgress: (digest: Digest, bytes: number, total: number | undefined, done: boolean) =>
        onEvent?.({ kind: 'written', digest, bytes, ...(total === undefined ? {} : { total }), done }),
    }
    if (format === 'docker-archive') {
      const images: ArchivedImage[] = []
      for (const one of chosen) images.push({ ...(await withLayers(parts, one, call)), references: one.references })
      return await writeDockerImages(images, destination, options)
    }
    const images: LayoutImage[] = []
    for (const one of chosen) images.push(await layoutImage(parts, one, call))
    if (format === 'oci-archive') return await writeOciImages(images, { tar: destination }, options)
    if (typeof destination !== 'string' || compression !== 'none') {
      const state = typeof destination === 'string' ? 'a directory is not compressed' : 'it takes a path'
      throw new CoreError('OPTION_INVALID', `Cannot save as oci-dir: ${state}`)
    }
    await wholeDirectory(resolve(destination), (directory) => writeOciImages(images, { directory }, options))
  } finally {
    for (const lease of leases) await lease[Symbol.asyncDispose]()
  }
}

interface ChosenImage {
  readonly image: StoredImage
  /** As it was asked for. */
  readonly shown: string
  /** The names that go along. */
  readonly references: readonly Reference[]
}

/** Each image once. Asked for by a name it goes with that name, by a repository with all tags there, and by its id it goes without a
 * name, as Docker has it. */
function chooseImages(parts: EngineParts, names: readonly string[]): ChosenImage[] {
  const chosen = new Map<Digest, ChosenImage>()
  for (const shown of names.flatMap((name) => tagsOf(parts, name))) {
    const image = findImage(parts, shown)
    const before = chosen.get(image.id)
    const { reference } = image.askedFor ?? {}
    const more = reference === undefined ? [] : [reference]
    const known = before?.references.map(familiarReference) ?? []
    const added = more.filter((one) => !known.includes(familiarReference(one)))
    chosen.set(image.id, { image, shown, references: [...(before?.references ?? []), ...added] })
  }
  return [...chosen.values()]
}

/** The names of a repository's images, where a repository is named without tag and digest. */
function tagsOf(parts: EngineParts, name: string): string[] {
  if (/[:@]/.test(name.slice(name.lastIndexOf('/') + 1)) || /^[0-9a-f]{64}$/.test(name)) return [name]
  const tags = namedImages(parts).flatMap(({ reference }) =>
    reference !== undefined && reference.digest === undefined && isRepository(reference, name)
      ? [familiarReference(reference)]
      : [],
  )
  return tags.length === 0 ? [name] : tags
}

function isRepository({ registry, repository }: Reference, name: string): boolean {
  return [familiarRepository({ registry, repository }), `${registry}/${repository}`].includes(name)
}

async function withLayers(parts: EngineParts, { image, shown }: ChosenImage, call: CallOptions) {
  const layers = await unpackedLayers(parts, image, shown, call)
  return { image: exportableImage(parts, image, layers), source: openImageSource(parts, layers) }
}

/** What was pulled, or loaded as it is, leaves byte by byte; what was built is compressed. */
async function layoutImage(parts: EngineParts, chosen: ChosenImage, call: CallOptions): Promise<LayoutImage> {
  const { image, references } = chosen
  const { manifest, descriptor, config } = image
  if (!isStored(parts, manifest, config.rootfs.diff_ids)) {
    return { ...(await withLayers(parts, chosen, call)), references }
  }
  const manifestBytes = parts.content.readSmall(descriptor.digest)
  const configBytes = parts.content.readSmall(manifest.config.digest)
  if (manifestBytes === undefined || configBytes === undefined) throw new RangeError('the image is held')
  return { stored: { manifest, descriptor, manifestBytes, configBytes }, source: parts.content, references }
}

/** The layers; those of an image that only a build has looked at are fetched now. */
async function unpackedLayers(
  parts: EngineParts,
  { manifest, config, descriptor, rows }: StoredImage,
  shown: string,
  call: CallOptions,
): Promise<readonly SourceLayer[]> {
  const diffIds = config.rootfs.diff_ids
  const known = await sourceLayers(parts, diffIds)
  if (known !== undefined) return known
  const reference = rows.find((row) => row.reference !== undefined)?.reference
  const wasBuilt = manifest.layers.some(({ digest }, at) => digest === diffIds[at] && !parts.content.hasBlob(digest))
  if (reference === undefined || wasBuilt) {
    throw new CoreError('IMAGE_INVALID', `Cannot save image "${shown}": not all of its layers are here`, {
      hint: 'Build or pull it again',
    })
  }
  await parts.beforeWrite()
  const name = familiarReference(reference)
  await parts.images.unpack({ name, reference, digest: descriptor.digest, manifest, config }, call)
  return (await sourceLayers(parts, diffIds)) ?? []
}

/** A new directory appears when it is whole; one that has something in it is written into. */
async function wholeDirectory(path: string, write: (directory: string) => Promise<void>): Promise<void> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new CoreError('OUTPUT_FAILED', `Cannot write "${path}": ${error.message}`, { cause: error })
  })
  if (entries.length > 0) return await write(path)
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    await write(aside)
    faultPoint('output.publish.before')
    await rename(aside, path)
    faultPoint('output.publish.after')
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    throw error
  }
}
