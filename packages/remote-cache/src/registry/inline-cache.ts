import {
  canonicalJson,
  type Descriptor,
  type Digest,
  inlineCacheMember,
  isDigest,
  type JsonValue,
  mediaTypes,
} from '@tsbuild/spec'
import { parseDocument } from '../cache-manifest.js'
import { RemoteCacheError } from '../errors.js'

/** Whether it is the config of an image that could be run. */
export function isImageConfig({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig
}

/** The record in an image config and the image's diffIDs; `undefined` where the image has no record.
 * @throws {RemoteCacheError} `CACHE_INVALID` */
export function parseInlineConfig(
  bytes: Uint8Array,
  layerCount: number,
  what: string,
): { readonly record: Uint8Array; readonly diffIds: readonly Digest[] } | undefined {
  const config = parseDocument(bytes, what) as Record<string, JsonValue | undefined>
  const value = Object.hasOwn(config, inlineCacheMember) ? config[inlineCacheMember] : undefined
  if (value === undefined) return undefined
  const { diff_ids: diffIds } = (config['rootfs'] ?? {}) as { readonly diff_ids?: unknown }
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest))
    throw new RemoteCacheError('CACHE_INVALID', `${what}: the image's config lists no diffIDs`)
  if (diffIds.length !== layerCount)
    throw new RemoteCacheError(
      'CACHE_INVALID',
      `${what}: the image has ${layerCount} layers and ${diffIds.length} diffIDs`,
    )
  return { record: Buffer.from(canonicalJson(value)), diffIds }
}
