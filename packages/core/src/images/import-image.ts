import { assembleImage } from '@tsbuild/exporter'
import {
  type ByteStream,
  chainID,
  type DiffID,
  formatReference,
  hasCode,
  hostPlatform,
  type ImageConfig,
  normalizePlatform,
  type Platform,
  parsePlatform,
  parseReference,
  type Reference,
  type SnapshotName,
} from '@tsbuild/spec'
import type { ArchiveSource, ImportedImage, ImportOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { openUrl } from '../files/http-get.js'
import { redactUrl } from '../files/redact-url.js'
import { newSnapshotName } from '../ops/names.js'
import { applyChanges } from './apply-changes.js'
import { isoTime } from './image-config.js'
import { assignName, keepUnnamed } from './image-names.js'
import { archiveError, archiveStream } from './load/archive-stream.js'

/** Makes an image of one layer of a root file system's tar. */
export async function importImage(
  parts: EngineParts,
  source: ArchiveSource,
  options: ImportOptions,
): Promise<ImportedImage> {
  const { changes = [], message, signal } = options
  const reference = options.name === undefined ? undefined : nameOf(options.name)
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform)
  const shown = typeof source === 'string' ? (isUrl(source) ? redactUrl(source) : source) : '-'
  const config = applyChanges({}, changes)
  const call = signal === undefined ? {} : { signal }
  await parts.beforeWrite()
  const layer = newSnapshotName()
  await using lease = await parts.store.leases.acquire({ kind: 'snapshot', name: layer })
  try {
    const tar = await openSource(parts, source, options)
    const { bytes, entries } = await parts.snapshotter.apply(layer, tar, call).catch((error: unknown) => {
      signal?.throwIfAborted()
      throw layerError(shown, error)
    })
    await parts.tables.set(layer, { bytes, entries, createdAt: Date.now() })
    // Its own tar is what leaves later, so the archive's is not kept.
    const info = await parts.diffIds.get(layer, call)
    const [known] = parts.images.layersOf([info.diffId]) ?? []
    if (known !== undefined) await lease.add({ kind: 'snapshot', name: known })
    const document = importedConfig({
      config,
      platform,
      message: message ?? `Imported from ${shown}`,
      diffId: info.diffId,
    })
    const built = assembleImage({ config: document, layers: [info] })
    await lease.add(
      ...[built.configDigest, built.descriptor.digest].map((digest) => ({ kind: 'blob', digest }) as const),
    )
    await parts.content.writeBlob(built.manifest.config, built.configBytes, call)
    await parts.content.writeBlob(built.descriptor, built.manifestBytes, call)
    signal?.throwIfAborted()
    await rememberLayer(parts, info.diffId, layer)
    const target = { manifest: built.descriptor, platform: normalizePlatform(platform) }
    if (reference === undefined) await keepUnnamed(parts.names, target)
    else await assignName(parts.names, formatReference(reference), target)
    const name = reference === undefined ? {} : { name: formatReference(reference) }
    return { ...name, id: built.configDigest, digest: built.descriptor.digest }
  } catch (error) {
    await parts.tables.remove(layer)
    await parts.snapshotter.remove(layer)
    throw error
  }
}

/** An image that has the very same layer goes on with the one that it has. */
async function rememberLayer(parts: EngineParts, diffId: DiffID, layer: SnapshotName): Promise<void> {
  const id = chainID([diffId])
  if (parts.images.layersOf([diffId]) === undefined && id !== undefined) return await parts.tables.setChain(id, [layer])
  await parts.tables.remove(layer)
  await parts.snapshotter.remove(layer)
}

function nameOf(name: string): Reference {
  const reference = parseReference(name)
  if (reference.digest === undefined) return reference
  throw new CoreError('OPTION_INVALID', `Cannot tag "${name}": a name with a digest can't be given`)
}

interface Imported {
  readonly config: ImageConfig['config']
  readonly platform: Platform
  readonly message: string
  readonly diffId: DiffID
}

function importedConfig({ config = {}, platform, message, diffId }: Imported): ImageConfig {
  const created = isoTime(Date.now())
  const { os, architecture, variant } = platform
  return {
    created,
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, comment: message }],
  }
}

function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source)
}

async function openSource(
  { options: { workerDir } }: EngineParts,
  source: ArchiveSource,
  { signal, onEvent }: ImportOptions,
): Promise<ByteStream> {
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(workerDir === undefined ? {} : { workerDir }),
  }
  if (typeof source !== 'string' || !isUrl(source)) return archiveStream(source, options)
  const always = { 'accept-encoding': 'identity', 'user-agent': 'tsbuild' }
  return archiveStream(await openUrl(source, { always }, signal), options)
}

function layerError(shown: string, error: unknown): unknown {
  if (hasCode(error, 'LAYER_INVALID'))
    return new CoreError(
      'ARCHIVE_INVALID',
      `Cannot import "${shown}": ${error.message.replace(/^Cannot [^:]*: /, '')}`,
      {
        cause: error,
      },
    )
  return archiveError(shown, error)
}
