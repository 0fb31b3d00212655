import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chainIDs, hasCode, type ImageConfig, type ImageManifest, isIndexType } from '@tsbuild/spec'
import type { StoredImage } from '../images/image-names.js'
import { chainRows, rewrittenRows } from '../layers/layer-tables.js'
import { type CheckContext, hasGoodBlob } from './context.js'
import type { Problem } from './finding.js'

/** Follows every name to its manifest, config and layers, and compares `index.json` with what it should say. */
export async function* checkImages(context: CheckContext): AsyncGenerator<Problem> {
  const { db, images, options } = context
  const names = images.list()
  let done = 0
  for (const image of names) {
    options.signal?.throwIfAborted()
    options.onProgress?.('images', ++done, names.length)
    const wrong = wrongOf(context, image)
    if (wrong === undefined) continue
    db.refresh()
    const now = images.get(image.name)
    const still = now && wrongOf(context, now)
    if (still === undefined) continue
    yield {
      ...still,
      severity: 'error',
      subject: image.name,
      repair: 'forget the name',
      async mend() {
        const newest = images.get(image.name)
        return newest !== undefined && wrongOf(context, newest) !== undefined && (await images.remove(image.name))
      },
    }
  }
  yield* checkLayout(context)
}

type Wrong = Pick<Problem, 'kind' | 'state'>

function wrongOf(context: CheckContext, { manifest }: StoredImage): Wrong | undefined {
  const document = readJson<Partial<ImageManifest>>(context, manifest.digest)
  if (document === undefined) return { kind: 'nameDangling', state: `its manifest ${manifest.digest} is not there` }
  // The images of a list need not be here.
  if (isIndexType(manifest.mediaType)) return undefined
  const { config: descriptor, layers = [] } = document
  const config = descriptor && readJson<ImageConfig>(context, descriptor.digest)
  if (config === undefined) return { kind: 'nameDangling', state: `its config ${descriptor?.digest} is not there` }
  const top = chainIDs(config.rootfs?.diff_ids ?? []).at(-1)
  const { isWhole } = context.options.snapshots
  if (top === undefined || chainRows.get(context.db, top)?.layers.every((name) => isWhole(name))) return undefined
  if (rewrittenRows.get(context.db, top)?.layers.every(({ snapshot }) => isWhole(snapshot))) return undefined
  const missing = layers.find(({ digest }) => !hasGoodBlob(context, digest))
  if (missing === undefined) return undefined
  return { kind: 'imageIncomplete', state: `its layer ${missing.digest} is not there` }
}

function readJson<Value>(context: CheckContext, digest: Parameters<typeof hasGoodBlob>[1]): Value | undefined {
  if (!hasGoodBlob(context, digest)) return undefined
  try {
    const bytes = context.content.readSmall(digest)
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as Value)
  } catch (error) {
    // Another failure, e.g. no more file descriptors, says nothing about the blob.
    if (hasCode(error, 'BLOB_CORRUPT') || error instanceof SyntaxError) return undefined
    throw error
  }
}

async function* checkLayout(context: CheckContext): AsyncGenerator<Problem> {
  const { db, layout, paths } = context
  const repair = 'write it again'
  for (const { name, blobs } of layout.listed()) {
    const missing = blobs.find((digest) => !hasGoodBlob(context, digest))
    if (missing === undefined) continue
    yield {
      kind: 'layoutWrong',
      severity: 'error',
      subject: name,
      state: `it is in index.json, and its blob ${missing} is not there`,
      repair: 'take it off the list',
      async mend() {
        await layout.withoutBlob(missing)
        return true
      },
    }
  }
  const isWrong = () =>
    // In a transaction, since whoever writes the file renames it within one.
    db.update((tx) => {
      const text = read(join(paths.content, 'index.json'))
      return layout.isPublished(tx) && text !== layout.text(tx)
    })
  if (!(await isWrong())) return
  yield {
    kind: 'layoutWrong',
    severity: 'error',
    subject: 'index.json',
    state: 'it does not say what the names say',
    repair,
    async mend() {
      await db.update((tx) => layout.outdate(tx))
      await layout.publish()
      return true
    },
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
