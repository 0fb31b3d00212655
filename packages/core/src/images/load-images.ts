import { createHash } from 'node:crypto'
import { decompress, readTar, type TarMember } from '@tsbuild/exporter'
import {
  type CallOptions,
  digestFromHex,
  familiarReference,
  formatReference,
  layerCompression,
  normalizePlatform,
  parsePlatform,
  parseReference,
} from '@tsbuild/spec'
import type { ArchiveSource, LoadedImage, LoadOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { resourcesOf } from './free-unreached.js'
import { assignName, keepUnnamed } from './image-names.js'
import { archiveError, archiveStream, fileFacts } from './load/archive-stream.js'
import { dockerImages } from './load/docker-images.js'
import { Intake } from './load/intake.js'
import { layoutDirectory } from './load/layout-directory.js'
import { layoutImages } from './load/layout-images.js'
import { broken, type LoadableImage } from './load/loadable-image.js'
import { readImage } from './resolve-image.js'

/** Reads the images of an archive: its members come into the store in one pass, then layers are unpacked and verified, then names given. */
export async function loadImages(
  parts: EngineParts,
  source: ArchiveSource,
  options: LoadOptions,
): Promise<LoadedImage[]> {
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const call = options.signal === undefined ? {} : { signal: options.signal }
  await parts.beforeWrite()
  await using intake = await Intake.open(parts)
  await takeMembers(parts, source, intake, options)
  const { members } = intake
  if (!members.has('manifest.json') && !members.has('index.json')) {
    throw new CoreError('ARCHIVE_INVALID', `Cannot load ${shownSource(source)}: it is no archive of images`, {
      hint: 'It has neither manifest.json nor index.json; the files of a system are brought in with "tsbuild import"',
    })
  }
  const images = members.has('manifest.json')
    ? await dockerImages(intake, parts.content, call)
    : layoutImages(members, parts.content, platform)
  if (images.length === 0)
    throw new CoreError('ARCHIVE_INVALID', `Cannot load ${shownSource(source)}: it has no images`)
  for (const image of images) await unpack(parts, image, intake, options)
  options.signal?.throwIfAborted()
  const loaded: LoadedImage[] = []
  for (const image of images) loaded.push(await nameImage(parts, image))
  intake.keep(images.flatMap((image) => [...resourcesOf(parts, [image]).names]))
  return loaded
}

async function takeMembers(
  parts: EngineParts,
  source: ArchiveSource,
  intake: Intake,
  options: LoadOptions,
): Promise<void> {
  const { workerDir } = parts.options
  const call: CallOptions = options.signal === undefined ? {} : { signal: options.signal }
  const more = workerDir === undefined ? {} : { workerDir }
  const isDirectory = typeof source === 'string' && (await fileFacts(source)).isDirectory
  const found: AsyncIterable<TarMember> = isDirectory
    ? layoutDirectory(source)
    : readTar(archiveStream(source, { ...options, ...more }))
  try {
    for await (const member of found) await intake.take(member, call)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw archiveError(typeof source === 'string' ? source : '-', error)
  }
}

async function unpack(parts: EngineParts, image: LoadableImage, intake: Intake, options: LoadOptions): Promise<void> {
  const call: CallOptions = options.signal === undefined ? {} : { signal: options.signal }
  const { manifest, config, descriptor, references } = image
  const names = references.map(familiarReference)
  options.onEvent?.({ kind: 'image', names, id: manifest.config.digest })
  const [reference = parseReference(`loaded@${descriptor.digest}`)] = references
  const resolved = { name: names[0] ?? descriptor.digest, reference, digest: descriptor.digest, manifest, config }
  // Told before, too: what an unpacking that breaks off has made is not known.
  intake.made(resourcesOf(parts, [image]))
  await parts.images.unpack(resolved, {
    from: 'store',
    ...call,
    onLayer: (layer) => options.onEvent?.({ kind: 'layer', ...layer }),
  })
  intake.made(resourcesOf(parts, [image]))
  await verifyForms(parts, image, call)
}

/** Layers that were unpacked before came in another form, perhaps: then these blobs have not been looked into yet.
 * @throws {CoreError} `ARCHIVE_INVALID` */
async function verifyForms(
  { tables, content }: EngineParts,
  { manifest, config }: LoadableImage,
  call: CallOptions,
): Promise<void> {
  for (const [at, blob] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[at]
    if (diffId === undefined || blob.digest === diffId) continue
    if (tables.blobs(diffId).some(({ digest }) => digest === blob.digest)) continue
    const hash = createHash('sha256')
    const tar = decompress(content.read(blob, call), layerCompression(blob.mediaType) ?? 'none')
    for await (const chunk of tar) hash.update(chunk)
    const found = digestFromHex(hash.digest('hex'))
    if (found !== diffId) throw broken(`layer ${blob.digest}`, `its content is ${found}, the config says ${diffId}`)
    const { mediaType, digest, size } = blob
    await tables.addBlob(diffId, { mediaType, digest, size, sources: [] })
  }
}

async function nameImage(
  { names, content }: EngineParts,
  { references, descriptor, manifest, config }: LoadableImage,
): Promise<LoadedImage> {
  const target = { manifest: descriptor, platform: normalizePlatform(config) }
  const id = manifest.config.digest
  const renamed: LoadedImage['renamed'][number][] = []
  for (const reference of references) {
    const name = formatReference(reference)
    const before = names.get(name)?.manifest.digest
    const beforeId = before === undefined ? undefined : readImage(content, before)?.manifest.config.digest
    if (beforeId !== undefined && beforeId !== id) renamed.push({ name: familiarReference(reference), id: beforeId })
    await assignName(names, name, target)
  }
  if (references.length === 0) await keepUnnamed(names, target)
  return { names: references.map(familiarReference), id, digest: descriptor.digest, renamed }
}

function shownSource(source: ArchiveSource): string {
  return typeof source === 'string' ? `"${source}"` : 'the archive'
}
