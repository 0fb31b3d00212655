import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type AssembledImage, pushImage, writeDockerArchive, writeOciLayout, writeStream } from '@tsbuild/exporter'
import {
  type Descriptor,
  type DiffID,
  type Digest,
  formatReference,
  normalizePlatform,
  type OnBuildEvent,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import type { BuildResult, Output } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import type { StageState } from '../frontend/stage-state.js'
import { commitImage } from '../images/commit-image.js'
import { assignName, keepUnnamed } from '../images/image-names.js'
import { type ImageSource, openImageSource } from '../images/image-source.js'
import type { LayerChain } from '../ops/layers.js'
import { outputStep } from './output-step.js'

export interface OutputRequest {
  readonly target: StageState
  readonly chain: LayerChain
  readonly outputs: readonly Output[]
  readonly tags: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** SOURCE_DATE_EPOCH, in seconds. */
  readonly epoch?: number
  readonly rewriteTimestamp: boolean
  readonly signal?: AbortSignal
  readonly emit: OnBuildEvent
}

type Written = Omit<BuildResult, 'steps' | 'warnings' | 'durationMs'>

/** Sends a build's result where it should go, one output after the other; each shows as a step. */
export async function writeOutputs(parts: EngineParts, request: OutputRequest): Promise<Written> {
  const references = request.tags.map((tag) => parseReference(tag))
  const names: string[] = []
  const pushed: { name: string; digest: Digest }[] = []
  let image: Promise<CommittedImage> | undefined
  const assembled = () => (image ??= commit(parts, request))
  for (const output of request.outputs) {
    await outputStep(request.emit, stepName(output), async (progress) => {
      const call = request.signal === undefined ? {} : { signal: request.signal }
      request.signal?.throwIfAborted()
      switch (output.type) {
        case 'local':
          await mkdir(output.dest, { recursive: true })
          await parts.snapshotter.copyChain(request.chain.layers, resolve(output.dest), call)
          return
        case 'tar':
          await writeStream(
            parts.snapshotter.packChain(request.chain.layers, { ...call, ...maxMtime(request) }),
            output.dest,
            call,
          )
          return
        case 'oci': {
          const { built, source } = await assembled()
          const destination =
            output.tar === false && typeof output.dest === 'string' ? { directory: output.dest } : { tar: output.dest }
          const compression = output.compression === 'uncompressed' ? 'none' : (output.compression ?? 'gzip')
          await writeOciLayout(built, source, destination, { ...call, compression, references, onProgress: progress })
          return
        }
        case 'docker': {
          const { built, source } = await assembled()
          await writeDockerArchive(built, source, output.dest, { ...call, references, onProgress: progress })
          return
        }
        case 'image': {
          const { built } = await assembled()
          const targets = output.names === undefined ? references : output.names.map((name) => parseReference(name))
          for (const reference of targets) names.push(await setName(parts, reference, built, request))
          if (targets.length === 0) {
            await keepUnnamed(parts.names, {
              manifest: built.descriptor,
              platform: normalizePlatform(request.target.platform),
            })
          }
          if (output.push === true) for (const reference of targets) pushed.push(await push(reference))
          return
        }
        case 'registry': {
          const targets = output.names === undefined ? references : output.names.map((name) => parseReference(name))
          if (targets.length === 0)
            throw new CoreError('OPTION_INVALID', 'Cannot push: the image has no name', { hint: 'Name it with --tag' })
          for (const reference of targets) pushed.push(await push(reference))
          return
        }
      }
      async function push(reference: Reference): Promise<{ name: string; digest: Digest }> {
        const { built, source } = await assembled()
        const client = await parts.registry()
        const { digest, layers } = await pushImage(built, source, client, reference, {
          ...call,
          onProgress: progress,
          mountFrom: (diffId) => mountSources(parts, diffId, reference),
        })
        await rememberPushed(parts, built, layers, reference)
        return { name: formatReference(reference), digest }
      }
    })
  }
  if (image === undefined) return { names, pushed }
  const { built } = await image
  return { imageDigest: built.descriptor.digest, configDigest: built.configDigest, config: built.config, names, pushed }
}

interface CommittedImage {
  readonly built: AssembledImage
  readonly source: ImageSource
}

async function commit(parts: EngineParts, request: OutputRequest): Promise<CommittedImage> {
  const { built, layers } = await commitImage(parts, { ...request, ...maxMtime(request), now: Date.now() })
  return { built, source: openImageSource(parts, layers) }
}

/** Repositories of the same registry that a layer's blobs came from or went to. */
function mountSources({ tables }: EngineParts, diffId: DiffID, { registry, repository }: Reference): string[] {
  const sources = tables.blobs(diffId).flatMap((blob) => blob.sources)
  return [...new Set(sources.filter((one) => one.registry === registry).map((one) => one.repository))].filter(
    (one) => one !== repository,
  )
}

async function rememberPushed(
  { tables }: EngineParts,
  { layers }: AssembledImage,
  blobs: readonly Descriptor[],
  { registry, repository }: Reference,
): Promise<void> {
  for (const [index, { mediaType, digest, size }] of blobs.entries()) {
    const diffId = layers[index]?.diffId
    if (diffId !== undefined)
      await tables.addBlob(diffId, { mediaType, digest, size, sources: [{ registry, repository }] })
  }
}

function maxMtime({ rewriteTimestamp, epoch }: OutputRequest): { maxMtime?: number } {
  return rewriteTimestamp && epoch !== undefined ? { maxMtime: epoch } : {}
}

async function setName(
  parts: EngineParts,
  reference: Reference,
  built: AssembledImage,
  { target }: OutputRequest,
): Promise<string> {
  if (reference.digest !== undefined) {
    throw new CoreError(
      'OPTION_INVALID',
      `Cannot tag "${formatReference(reference)}": a name with a digest can't be given`,
    )
  }
  const name = formatReference(reference)
  await assignName(parts.names, name, { manifest: built.descriptor, platform: normalizePlatform(target.platform) })
  return name
}

function stepName(output: Output): string {
  switch (output.type) {
    case 'image':
      return 'exporting to image'
    case 'oci':
      return 'exporting to oci image format'
    case 'docker':
      return 'exporting to docker image format'
    case 'registry':
      return 'pushing to registry'
    case 'local':
    case 'tar':
      return 'exporting files'
  }
}
