import {
  type CallOptions,
  type Descriptor,
  formatPlatform,
  formatReference,
  hostPlatform,
  type ImageIndex,
  type Platform,
  platformScore,
  type Reference,
} from '@tsbuild/spec'
import type { ResolvedImage } from './api.js'
import { RegistryError } from './errors.js'
import type { VerifiedManifest } from './manifests.js'

const maxDepth = 3

type FetchManifest = (reference: Reference, options: CallOptions) => Promise<VerifiedManifest>

/** Follows a reference to the manifest of one image. */
export async function resolveImage(
  fetchManifest: FetchManifest,
  reference: Reference,
  { platform = hostPlatform(), ...options }: CallOptions & { readonly platform?: Platform },
): Promise<ResolvedImage> {
  const top = await fetchManifest(reference, options)
  const outer = top.document.kind === 'index' ? { indexDescriptor: top.descriptor, indexBytes: top.bytes } : {}
  let current = top
  let offered: Platform | undefined
  for (let depth = 0; current.document.kind === 'index'; depth++) {
    if (depth === maxDepth) {
      throw new RegistryError(
        'MANIFEST_INVALID',
        `Cannot resolve "${formatReference(reference)}": its indexes are nested more than ${maxDepth} deep`,
      )
    }
    const chosen = choosePlatform(current.document.index, platform, formatReference(reference))
    offered = chosen.platform ?? offered
    current = await fetchManifest({ ...reference, digest: chosen.digest }, options)
    if (current.descriptor.size !== chosen.size) {
      throw new RegistryError(
        'MANIFEST_INVALID',
        `Cannot resolve "${formatReference(reference)}": the size of ${chosen.digest} in the index is wrong`,
      )
    }
  }
  return {
    descriptor: { ...current.descriptor, ...(offered === undefined ? {} : { platform: offered }) },
    manifest: current.document.manifest,
    manifestBytes: current.bytes,
    ...outer,
  }
}

/** The entry that serves a platform best; the first of equals. An entry without a platform comes last.
 * @throws {RegistryError} `PLATFORM_NOT_FOUND` */
export function choosePlatform(index: ImageIndex, wanted: Platform, name: string): Descriptor {
  let best: { readonly score: number; readonly entry: Descriptor } | undefined
  for (const entry of index.manifests) {
    const score =
      entry.platform === undefined
        ? entry.artifactType === undefined
          ? 0
          : undefined
        : platformScore(wanted, entry.platform)
    if (score !== undefined && score > (best?.score ?? -1)) best = { score, entry }
  }
  if (best !== undefined) return best.entry
  const there = new Set(
    index.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)])),
  )
  there.delete('unknown/unknown')
  throw new RegistryError('PLATFORM_NOT_FOUND', `Cannot resolve "${name}": no image for ${formatPlatform(wanted)}`, {
    hint: there.size === 0 ? 'The index names no platform at all' : `There is ${[...there].slice(0, 40).join(', ')}`,
  })
}
