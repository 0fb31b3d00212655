import { matchGlob } from '@tsbuild/parser'
import { familiarReference, familiarRepository, type ImageConfig, type Reference } from '@tsbuild/spec'
import type { ImageFilter } from '../api.js'
import { CoreError } from '../errors.js'
import type { NamedImage } from './stored-images.js'

/** When an image was made, in milliseconds since the epoch; 0 when it does not say. */
export function createdAt({ created }: ImageConfig): number {
  const at = created === undefined ? Number.NaN : Date.parse(created)
  return Number.isNaN(at) ? 0 : at
}

/** Whether an image meets a filter.
 * @param find gives the image that `before` and `since` name
 * @throws {CoreError} `OPTION_INVALID` for a malformed pattern, and what `find` throws */
export function imageFilter(
  filter: ImageFilter,
  find: (nameOrId: string) => ImageConfig,
): (image: NamedImage) => boolean {
  const { dangling, references, labels = [], notLabels = [], before, since, until } = filter
  const beforeMs = before === undefined ? undefined : createdAt(find(before))
  const sinceMs = since === undefined ? undefined : createdAt(find(since))
  return ({ reference, config }) => {
    const created = createdAt(config)
    return (
      (dangling === undefined || dangling === (reference === undefined)) &&
      (references === undefined || references.some((pattern) => matches(pattern, reference))) &&
      labels.every((label) => hasLabel(config, label)) &&
      !notLabels.some((label) => hasLabel(config, label)) &&
      (beforeMs === undefined || created < beforeMs) &&
      (sinceMs === undefined || created > sinceMs) &&
      (until === undefined || created < until)
    )
  }
}

/** Docker's rule: the pattern matches the whole short name, or the repository alone. */
function matches(pattern: string, reference: Reference | undefined): boolean {
  try {
    const names = reference === undefined ? [] : [familiarReference(reference), familiarRepository(reference)]
    // An IPv6 registry has brackets, which mean something else in a pattern.
    return names.some((name) => name === pattern || matchGlob(pattern, name))
  } catch (cause) {
    throw new CoreError('OPTION_INVALID', `Cannot match names with "${pattern}": it is no pattern`, { cause })
  }
}

function hasLabel({ config }: ImageConfig, label: string): boolean {
  const at = label.indexOf('=')
  const labels = config?.Labels ?? {}
  if (at < 0) return Object.hasOwn(labels, label)
  return Object.hasOwn(labels, label.slice(0, at)) && labels[label.slice(0, at)] === label.slice(at + 1)
}

/** Images without a name that others here were built on: their layers and history are the beginning of another image's. */
export function intermediateImages(images: readonly NamedImage[]): Set<NamedImage> {
  const stacks = new Map(images.map((image) => [image.id, stackOf(image)]))
  return new Set(
    images.filter(({ reference, id }) => {
      const own = stacks.get(id) ?? []
      return (
        reference === undefined &&
        own.length > 0 &&
        [...stacks.values()].some((other) => other.length > own.length && own.every((line, at) => line === other[at]))
      )
    }),
  )
}

/** What an image is made of, line by line: its layers with what made them, and the lines without a layer. */
function stackOf({ config }: NamedImage): string[] {
  let layer = 0
  return (config.history ?? []).map(({ created_by = '', empty_layer }) => {
    const diffId = empty_layer === true ? '' : (config.rootfs.diff_ids[layer++] ?? '')
    return `${diffId} ${created_by}`
  })
}
