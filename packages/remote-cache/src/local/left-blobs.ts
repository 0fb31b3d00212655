import { opendir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Descriptor, type Digest, digestHex, isIndexType, isManifestType } from '@tsbuild/spec'
import { isDescriptor, parseDocument } from '../cache-manifest.js'
import { errnoOf } from './errors.js'
import type { Layout } from './layout.js'

/** An export that asked for a blob this many milliseconds ago still counts on it. */
const keptMs = 3_600_000

/** Removes blobs that nothing in the index leads to, and files that never became whole, where both are older than an hour.
 * Keeps everything where it can't tell what belongs together. */
export async function removeLeftBlobs(
  layout: Layout,
  index: readonly Descriptor[],
  signal?: AbortSignal,
): Promise<void> {
  const named = await namedBlobs(layout, index)
  if (named === undefined) return
  const isBlob = /^[0-9a-f]{64}$/
  await removeOld(layout.blobs, (name) => isBlob.test(name) && !named.has(name), signal)
  await removeOld(layout.ingest, () => true, signal)
}

async function namedBlobs(layout: Layout, roots: readonly Descriptor[]): Promise<ReadonlySet<string> | undefined> {
  const named = new Set<string>()
  const add = ({ digest }: { readonly digest: Digest }) => {
    const fresh = !named.has(digestHex(digest))
    named.add(digestHex(digest))
    return fresh
  }
  const open = [...roots]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!add(next) || !(isIndexType(next.mediaType) || isManifestType(next.mediaType))) continue
    const below = await childrenOf(layout, next)
    if (below === undefined) return undefined
    open.push(...below)
  }
  return named
}

/** What a manifest or index names; `undefined` where it can't be read. */
async function childrenOf(layout: Layout, { digest }: Descriptor): Promise<Descriptor[] | undefined> {
  try {
    const chunks: Uint8Array[] = []
    for await (const chunk of layout.readBlob(digest, {})) chunks.push(chunk)
    const { config, layers, manifests, subject } = parseDocument(Buffer.concat(chunks), '') as Record<string, unknown>
    const named = [config, subject, ...[layers, manifests].flatMap((list) => (Array.isArray(list) ? list : []))]
    const wanted = named.filter((one) => one !== undefined)
    return wanted.every(isDescriptor) ? wanted : undefined
  } catch {
    return undefined
  }
}

async function removeOld(folder: string, wanted: (name: string) => boolean, signal?: AbortSignal): Promise<void> {
  for await (const { name } of await opendir(folder)) {
    signal?.throwIfAborted()
    if (!wanted(name)) continue
    const path = join(folder, name)
    try {
      if (Date.now() - (await stat(path)).mtimeMs > keptMs) await unlink(path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }
}
