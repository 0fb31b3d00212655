import type { ContentProvider, Reference } from '@tsbuild/spec'
import {
  type CallOptions,
  type Compression,
  type Descriptor,
  digestHex,
  formatReference,
  mediaTypes,
} from '@tsbuild/spec'
import { compress } from '../compression/compress.js'
import type { ExportableImage } from '../image/types.js'
import { blobDirectories, blobEntries, blobName, jsonEntry, layoutFiles } from './layout-files.js'
import { type PreparedImage, preparedImage } from './prepare-image.js'
import { type ArchiveEntry, tarArchive } from './tar.js'
import type { OutputOptions } from './types.js'
import { watched } from './watched.js'
import { type WriteDestination, writeStream } from './write-stream.js'

export interface DockerArchiveOptions extends Pick<OutputOptions, 'signal' | 'onProgress'> {
  /** The names that the image gets where it is loaded; those with a digest alone are left out. */
  readonly references?: readonly Reference[]
}

/** One image of an archive. */
export interface ArchivedImage {
  readonly image: ExportableImage
  /** Gives the uncompressed layers, by their diffIDs. */
  readonly source: ContentProvider
  /** The names that the image gets where it is loaded; those with a digest alone are left out. */
  readonly references: readonly Reference[]
}

export interface ArchiveOptions extends Pick<OutputOptions, 'signal' | 'onProgress'> {
  /** Of the tar as a whole. Default `none`. */
  readonly archiveCompression?: Compression
}

/** Writes what `docker load` and `podman load` read: `manifest.json` with the config and the uncompressed layers, which lie as the blobs
 * of an OCI image layout, as `docker save` writes them since Docker 25; so the archive can be read as `oci-archive:`, too.
 * @throws {ExporterError} `OUTPUT_FAILED`, `BLOB_MISMATCH` */
export async function writeDockerArchive(
  image: ExportableImage,
  source: ContentProvider,
  destination: WriteDestination,
  { references = [], ...options }: DockerArchiveOptions = {},
): Promise<void> {
  await writeDockerImages([{ image, source, references }], destination, options)
}

/** The same of several images, which share the layers that they have in common.
 * @throws {ExporterError} `OUTPUT_FAILED`, `BLOB_MISMATCH` */
export async function writeDockerImages(
  images: readonly ArchivedImage[],
  destination: WriteDestination,
  { signal, onProgress, archiveCompression = 'none' }: ArchiveOptions = {},
): Promise<void> {
  const call: CallOptions = signal === undefined ? {} : { signal }
  const members = images.map(memberOf)
  const blobs = members.map(({ layers, source }) => ({ layers, source: watched(source, onProgress) }))
  const documents = members.flatMap(({ config, manifest }) => [config, manifest])
  const entries: ArchiveEntry[] = [
    ...blobDirectories(),
    ...blobEntries(blobs, documents, call),
    ...layoutFiles(members.map(({ indexed, tagged }) => ({ top: indexed, references: tagged }))),
    jsonEntry('repositories', repositories(members)),
    jsonEntry('manifest.json', members.map(manifestEntry)),
  ]
  await writeStream(compress(tarArchive(entries), { compression: archiveCompression }), destination, call)
}

interface Member extends PreparedImage {
  readonly source: ContentProvider
  /** Without digests. */
  readonly tagged: readonly Reference[]
}

function memberOf({ image, source, references }: ArchivedImage): Member {
  const layers = image.layers.map(
    ({ diffId, size }): Descriptor => ({ mediaType: mediaTypes.ociLayer, digest: diffId, size }),
  )
  const tagged = references.flatMap(({ digest: _, ...named }) => (named.tag === undefined ? [] : [named]))
  return { ...preparedImage(image, layers), source, tagged }
}

function manifestEntry({ config, layers, tagged }: Member): object {
  return {
    Config: blobName(config.descriptor),
    // Full names: short ones are completed differently by podman.
    RepoTags: tagged.map(formatReference),
    Layers: layers.map(blobName),
  }
}

/** Names by repository and tag, as programs look for them that are older than `manifest.json`. */
function repositories(members: readonly Member[]): object {
  const found: Record<string, Record<string, string>> = {}
  for (const { tagged, layers } of members) {
    const top = layers.at(-1)
    if (top === undefined) continue
    for (const { tag = '', ...repository } of tagged) {
      const name = formatReference(repository)
      found[name] = { ...found[name], [tag]: digestHex(top.digest) }
    }
  }
  return found
}
