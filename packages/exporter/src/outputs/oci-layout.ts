import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ByteStream, CallOptions, Compression, Descriptor, Reference } from '@tsbuild/spec'
import { compress } from '../compression/compress.js'
import type { ExportableImage } from '../image/types.js'
import { blobDirectories, blobEntries, layoutFiles } from './layout-files.js'
import { prepareImage } from './prepare-image.js'
import { type ExportableIndex, prepareIndex } from './prepare-index.js'
import { type ArchiveEntry, tarArchive } from './tar.js'
import type { LayerSource, OutputOptions } from './types.js'
import { asOutputError, type WriteDestination, writeStream } from './write-stream.js'

export type OciDestination = { readonly tar: WriteDestination } | { readonly directory: string }

export interface OciLayoutOptions extends OutputOptions {
  /** The names that `index.json` gives to the image. */
  readonly references?: readonly Reference[]
}

/** Writes an image as an OCI image layout (OCI image spec, image-layout.md), as one tar or into a directory (made where it is missing;
 * blobs of other images in it stay, its `index.json` is replaced). Resolves with the manifest's descriptor.
 * @throws {ExporterError} `OUTPUT_FAILED`, `BLOB_MISMATCH` */
export async function writeOciLayout(
  image: ExportableImage,
  source: LayerSource,
  destination: OciDestination,
  options: OciLayoutOptions = {},
): Promise<Descriptor> {
  const { layers, config, manifest, indexed } = await prepareImage(image, source, options)
  const call = callOf(options)
  const blobs = blobEntries([{ layers, source }], [config, manifest], call)
  await writeLayout(destination, blobs, layoutFiles([{ top: indexed, references: options.references }]), call)
  return manifest.descriptor
}

/** The same of an index of images, one for each platform: `index.json` names the index, which names the manifests. Resolves with the
 * index's descriptor.
 * @throws {ExporterError} `OUTPUT_FAILED`, `BLOB_MISMATCH` */
export async function writeOciIndex(
  index: ExportableIndex,
  destination: OciDestination,
  options: OciLayoutOptions = {},
): Promise<Descriptor> {
  const { images, document, top } = await prepareIndex(index, options)
  const call = callOf(options)
  const documents = [...images.flatMap(({ config, manifest }) => [config, manifest]), document]
  await writeLayout(
    destination,
    blobEntries(images, documents, call),
    layoutFiles([{ top, references: options.references }]),
    call,
  )
  return document.descriptor
}

function callOf({ signal }: CallOptions): CallOptions {
  return signal === undefined ? {} : { signal }
}

/** Writes the files of a layout, as one tar (compressed, if wished) or into a directory. */
export async function writeLayout(
  destination: OciDestination,
  blobs: readonly ArchiveEntry[],
  files: readonly ArchiveEntry[],
  call: CallOptions,
  compression: Compression = 'none',
): Promise<void> {
  if ('tar' in destination) {
    const tar = tarArchive([...blobDirectories(), ...blobs, ...files])
    await writeStream(compress(tar, { compression }), destination.tar, call)
  } else await writeDirectory(destination.directory, [...blobs, ...files], call)
}

async function writeDirectory(directory: string, entries: readonly ArchiveEntry[], call: CallOptions): Promise<void> {
  try {
    await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true })
  } catch (error) {
    throw asOutputError(error, directory)
  }
  for (const entry of entries) {
    if ('directory' in entry) continue
    const data = entry.data()
    await writeStream(data instanceof Uint8Array ? bytesStream(data) : data, join(directory, entry.name), call)
  }
}

async function* bytesStream(bytes: Uint8Array): ByteStream {
  yield bytes
}
