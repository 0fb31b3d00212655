import {
  type CallOptions,
  type ContentProvider,
  type Descriptor,
  formatReference,
  mediaTypes,
  type Reference,
} from '@tsbuild/spec'
import { describe, encodeManifest } from '../image/assemble.js'
import type { ExportableImage } from '../image/types.js'
import { blobEntries, blobName, jsonEntry, layoutFiles } from './oci-layout.js'
import { throttledBlobProgress } from './progress.js'
import { type ArchiveEntry, tarArchive } from './tar.js'
import type { OutputOptions } from './types.js'
import { type WriteDestination, writeStream } from './write-stream.js'

export interface DockerArchiveOptions extends Pick<OutputOptions, 'signal' | 'onProgress'> {
  /** The names that the image gets where it is loaded; those with a digest alone are left out. */
  readonly references?: readonly Reference[]
}

/** Writes what `docker load` and `podman load` read: `manifest.json` with the config and the uncompressed layers, which lie as the blobs
 * of an OCI image layout, as `docker save` writes them since Docker 25; so the archive can be read as `oci-archive:`, too.
 * @throws {ExporterError} `OUTPUT_FAILED`, `BLOB_MISMATCH` */
export async function writeDockerArchive(
  image: ExportableImage,
  source: ContentProvider,
  destination: WriteDestination,
  { signal, references = [], onProgress }: DockerArchiveOptions = {},
): Promise<void> {
  const call: CallOptions = signal === undefined ? {} : { signal }
  const layers = image.layers.map(
    ({ diffId, size }): Descriptor => ({ mediaType: mediaTypes.ociLayer, digest: diffId, size }),
  )
  const config = describe(image.configBytes, mediaTypes.ociConfig)
  const manifest = encodeManifest(config.descriptor, layers, image.annotations)
  const tagged = references.filter(({ tag }) => tag !== undefined)
  const document = {
    Config: blobName(config.descriptor),
    // Full names: short ones are completed differently by podman.
    RepoTags: tagged.map(({ digest: _, ...named }) => formatReference(named)),
    Layers: layers.map(blobName),
  }
  const entries: ArchiveEntry[] = [
    ...['blobs/', 'blobs/sha256/'].map((name): ArchiveEntry => ({ name, directory: true })),
    ...blobEntries(layers, [config, manifest], watched(source, onProgress), call),
    ...layoutFiles(image, manifest, tagged),
    jsonEntry('manifest.json', [document]),
  ]
  await writeStream(tarArchive(entries), destination, call)
}

/** The source, telling the progress of what is read from it. */
function watched(source: ContentProvider, onProgress: OutputOptions['onProgress']): ContentProvider {
  return {
    async *read(descriptor, options) {
      const report = throttledBlobProgress(onProgress, descriptor.digest, descriptor.size)
      let bytes = 0
      for await (const chunk of source.read(descriptor, options)) {
        yield chunk
        bytes += chunk.length
        report(bytes)
      }
    },
  }
}
