import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  isIndexType,
} from '@tsbuild/spec'

export type ReadSmall = (digest: Digest) => Uint8Array | undefined

/** All blobs that an image or an index of images names, itself first; `undefined` when a manifest among them is not here. */
export function imageBlobs(target: Descriptor, readSmall: ReadSmall): Descriptor[] | undefined {
  const parsed = readJson<Partial<ImageManifest & ImageIndex>>(target.digest, readSmall)
  if (parsed === undefined) return undefined
  if (!isIndexType(target.mediaType)) {
    return [target, ...(parsed.config === undefined ? [] : [parsed.config]), ...(parsed.layers ?? [])]
  }
  const blobs = [target]
  for (const manifest of parsed.manifests ?? []) {
    const below = imageBlobs(manifest, readSmall)
    if (below === undefined) return undefined
    blobs.push(...below)
  }
  return blobs
}

/** The config of a manifest, when both are here. */
export function imageConfig(manifest: Descriptor, readSmall: ReadSmall): ImageConfig | undefined {
  const config = readJson<Partial<ImageManifest>>(manifest.digest, readSmall)?.config
  return config && readJson<ImageConfig>(config.digest, readSmall)
}

/** A damaged or foreign blob counts as absent here: who needs it reads it and gets the error. */
function readJson<Value>(digest: Digest, readSmall: ReadSmall): Value | undefined {
  try {
    const bytes = readSmall(digest)
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as Value)
  } catch {
    return undefined
  }
}
