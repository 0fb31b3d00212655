import { join } from 'node:path'
import type { StepReport } from '@tsbuild/solver'
import type { CacheBackend, CallOptions, Descriptor } from '@tsbuild/spec'
import { readCacheRecord } from '../../cache-record.js'
import type { EngineParts } from '../../engine-parts.js'
import { ExecOp, type UsedCacheMount } from '../../ops/exec-op.js'
import type { LayerChain } from '../../ops/layers.js'
import { exportMount, type MountExport, readMountExports } from '../mounts/index.js'

export interface MountsRequest extends CallOptions {
  readonly backend: CacheBackend
  readonly steps: readonly StepReport<LayerChain>[]
  readonly maxBytes: number | undefined
  readonly warn: (message: string) => void
  readonly onProgress: (item: string, bytes: number, total?: number) => void
}

export interface SentMounts {
  readonly mounts: readonly MountExport[]
  readonly blobs: readonly Descriptor[]
  readonly sentBytes: number
}

/** Sends the cache mounts that a build's steps name, or what is new of them; those that only earlier builds had stay in the record, and
 * of one that can't be sent what an earlier build has sent. */
export async function exportMounts(parts: EngineParts, request: MountsRequest): Promise<SentMounts> {
  const { backend } = request
  const before = await previousMounts(parts, request)
  const mounts = new Map(before.map((mount) => [mount.name, mount]))
  let sentBytes = 0
  for (const used of usedMounts(request.steps)) {
    const previous = mounts.get(used.name)
    const sent = await tryOne(parts, used, previous, request)
    if (sent === undefined) continue
    mounts.set(used.name, sent.mount)
    sentBytes += sent.sentBytes
  }
  const all = [...mounts.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const there = await backend.has(
    all.flatMap(blobsOf).map(({ digest }) => digest),
    callOf(request),
  )
  const whole = all.filter((mount) => blobsOf(mount).every(({ digest }) => there.has(digest)))
  const blobs = new Map(whole.flatMap(blobsOf).map((blob) => [blob.digest, blob]))
  return { mounts: whole, blobs: [...blobs.values()], sentBytes }
}

async function tryOne(
  parts: EngineParts,
  used: UsedCacheMount,
  previous: MountExport | undefined,
  request: MountsRequest,
) {
  try {
    return await exportOne(parts, used, previous, request)
  } catch (error) {
    request.signal?.throwIfAborted()
    request.warn(`Cannot export the cache mount "${used.id}": ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}

async function exportOne(
  { cacheDirectory, locks, options }: EngineParts,
  { name, id, sharing }: UsedCacheMount,
  previous: MountExport | undefined,
  { backend, maxBytes, warn, onProgress, signal }: MountsRequest,
) {
  const lock = sharing === 'shared' ? undefined : sharing === 'locked' ? `mount-${name}` : `mount-${name}-0`
  const { workerDir } = options
  const sent = await exportMount(
    {
      folder: join(cacheDirectory, name),
      name,
      id,
      ...(previous === undefined ? {} : { previous }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    },
    backend,
    {
      ...(signal === undefined ? {} : { signal }),
      ...(lock === undefined ? {} : { lock: { locks, name: lock } }),
      ...(workerDir === undefined ? {} : { workerDir }),
      onProgress: (bytes, total) => onProgress(`mount ${id}`, bytes, total),
    },
  )
  if (sent !== undefined && sent.leftOut > 0)
    warn(`Cannot export all of cache mount "${id}": ${sent.leftOut} files are beyond the limit of its size`)
  return sent
}

async function previousMounts(
  { options: { workerDir } }: EngineParts,
  { backend, signal }: MountsRequest,
): Promise<readonly MountExport[]> {
  const call = callOf({ signal })
  try {
    const record = await backend.getRecord(call)
    if (record === undefined) return []
    return readMountExports((await readCacheRecord(record, { ...call, workerDir, mountsOnly: true })).mounts)
  } catch {
    // What can't be read can't be built upon; that it is broken shows where it is imported.
    signal?.throwIfAborted()
    return []
  }
}

/** The cache mounts of a build's RUN steps, each once. */
function usedMounts(steps: readonly StepReport<LayerChain>[]): UsedCacheMount[] {
  const solved = new Map(steps.map((step) => [step.vertex.digest, step.solved]))
  const used = steps.flatMap(({ vertex: { op, inputs } }) => {
    if (!(op instanceof ExecOp)) return []
    return op.cacheMounts(inputs.flatMap(({ digest }) => solved.get(digest) ?? []))
  })
  return [...new Map(used.map((mount) => [mount.name, mount])).values()]
}

function blobsOf({ tree, packs }: MountExport): Descriptor[] {
  return [tree, ...packs]
}

function callOf({ signal }: { readonly signal?: AbortSignal | undefined }): CallOptions {
  return signal === undefined ? {} : { signal }
}
