import { suggest } from '@tsbuild/parser'
import {
  type Descriptor,
  type Digest,
  digestHex,
  familiarReference,
  formatReference,
  hasCode,
  type ImageConfig,
  type ImageManifest,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { isDangling } from './image-names.js'
import { readImage } from './resolve-image.js'

export type ImageReader = Pick<EngineParts, 'names' | 'content'>

/** A row of the store's names with the image that it leads to. */
export interface NamedImage {
  /** As the store has it. */
  readonly name: string
  /** `undefined` for an image without a name. */
  readonly reference: Reference | undefined
  readonly descriptor: Descriptor
  readonly manifest: ImageManifest
  readonly config: ImageConfig
  /** Digest of the config. */
  readonly id: Digest
}

/** An image and all that leads to it. Images with one config are one image, whatever their manifests. */
export interface StoredImage extends Omit<NamedImage, 'name' | 'reference'> {
  readonly rows: readonly NamedImage[]
  /** The row that was asked for, when it was asked for by a name. */
  readonly askedFor?: NamedImage
}

/** Every row whose image is here; each document is read once. */
export function namedImages({ names, content }: ImageReader): NamedImage[] {
  const read = new Map<Digest, ReturnType<typeof readImage>>()
  return names.list().flatMap(({ name, manifest: descriptor }): NamedImage[] => {
    if (!read.has(descriptor.digest)) read.set(descriptor.digest, readImage(content, descriptor.digest))
    const image = read.get(descriptor.digest)
    if (image === undefined) return []
    const reference = isDangling(name) ? undefined : parseReference(name)
    return [{ name, reference, descriptor, ...image, id: image.manifest.config.digest }]
  })
}

/** The image that a name, an id or the beginning of an id leads to.
 * @throws {CoreError} `IMAGE_NOT_FOUND`, with the nearest name as hint */
export function findImage(parts: ImageReader, nameOrId: string): StoredImage {
  const rows = namedImages(parts)
  const named = byName(rows, nameOrId)
  const found = named ?? byId(rows, nameOrId)
  if (found === undefined) throw notFound(rows, nameOrId)
  const { descriptor, manifest, config, id } = found
  return {
    descriptor,
    manifest,
    config,
    id,
    rows: rows.filter((row) => row.id === id),
    ...(named === undefined ? {} : { askedFor: named }),
  }
}

function byName(rows: readonly NamedImage[], name: string): NamedImage | undefined {
  if (/^(sha256:)?[0-9a-f]{64}$/.test(name)) return undefined
  let reference: Reference
  try {
    reference = parseReference(name)
  } catch (error) {
    if (hasCode(error, 'REFERENCE_INVALID')) return undefined
    throw error
  }
  const full = formatReference(reference)
  const { registry, repository, digest } = reference
  return (
    rows.find((row) => row.name === full) ??
    rows.find(
      (row) =>
        digest !== undefined &&
        row.descriptor.digest === digest &&
        row.reference?.registry === registry &&
        row.reference.repository === repository,
    )
  )
}

function byId(rows: readonly NamedImage[], id: string): NamedImage | undefined {
  const hex = id.replace(/^sha256:/, '')
  if (!/^[0-9a-f]{4,64}$/.test(hex)) return undefined
  const found = new Map<Digest, NamedImage>()
  for (const row of rows) {
    if (digestHex(row.descriptor.digest).startsWith(hex) || digestHex(row.id).startsWith(hex)) found.set(row.id, row)
  }
  if (found.size > 1) throw new CoreError('IMAGE_NOT_FOUND', `Cannot find image "${id}": several ids begin so`)
  return [...found.values()][0]
}

function notFound(rows: readonly NamedImage[], nameOrId: string): CoreError {
  const near = suggest(
    nameOrId,
    rows.map(shownName).filter((name) => name !== undefined),
  )
  return new CoreError('IMAGE_NOT_FOUND', `Cannot find image "${nameOrId}": no such image`, {
    ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
  })
}

/** The name as Docker shows it. */
export function shownName({ reference }: Pick<NamedImage, 'reference'>): string | undefined {
  return reference === undefined ? undefined : familiarReference(reference)
}
