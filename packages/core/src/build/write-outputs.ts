import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type AssembledImage,
  type OnBlobProgress,
  writeDockerArchive,
  writeOciLayout,
  writeStream,
} from '@tsbuild/exporter'
import {
  type CallOptions,
  type Digest,
  formatReference,
  normalizePlatform,
  type OnBuildEvent,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import type { ImageTarget } from '@tsbuild/store'
import type { BuildResult, Output } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import type { StageState } from '../frontend/stage-state.js'
import { commitImage } from '../images/commit-image.js'
import { assignName, keepUnnamed } from '../images/image-names.js'
import { type ImageSource, openImageSource } from '../images/image-source.js'
import type { LayerChain } from '../ops/layers.js'
import { outputStep } from './output-step.js'
import { pushBuilt } from './push-built.js'

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
  const writer = new OutputWriter(parts, request)
  for (const output of request.outputs) {
    request.signal?.throwIfAborted()
    await outputStep(request.emit, stepName(output), (progress) => writer.write(output, progress))
  }
  return await writer.written()
}

/** Refuses names that can't be given, before anything is built for them.
 * @throws {SpecError} `REFERENCE_INVALID`, {CoreError} `OPTION_INVALID` */
export function checkNames(tags: readonly string[], outputs: readonly Output[]): void {
  for (const name of [...tags, ...outputs.flatMap((output) => ('names' in output ? (output.names ?? []) : []))]) {
    if (parseReference(name).digest === undefined) continue
    throw new CoreError('OPTION_INVALID', `Cannot tag "${name}": a name with a digest can't be given`)
  }
}

/** Writes outputs of one build; the image that several of them need is made once. */
class OutputWriter {
  readonly #parts: EngineParts
  readonly #request: OutputRequest
  readonly #references: readonly Reference[]
  readonly #call: CallOptions
  readonly #names: string[] = []
  readonly #pushed: { name: string; digest: Digest }[] = []
  #image: Promise<CommittedImage> | undefined

  constructor(parts: EngineParts, request: OutputRequest) {
    this.#parts = parts
    this.#request = request
    this.#references = request.tags.map((tag) => parseReference(tag))
    this.#call = request.signal === undefined ? {} : { signal: request.signal }
  }

  async write(output: Output, progress: OnBlobProgress): Promise<void> {
    const { snapshotter } = this.#parts
    const { layers } = this.#request.chain
    switch (output.type) {
      case 'local':
        await mkdir(output.dest, { recursive: true })
        await snapshotter.copyChain(layers, resolve(output.dest), this.#call)
        return
      case 'tar': {
        const tar = snapshotter.packChain(layers, { ...this.#call, ...maxMtime(this.#request) })
        return await writeStream(tar, output.dest, this.#call)
      }
      case 'oci':
        return await this.#writeOci(output, progress)
      case 'docker': {
        const { built, source } = await this.#committed()
        const options = { ...this.#call, references: this.#references, onProgress: progress }
        return await writeDockerArchive(built, source, output.dest, options)
      }
      case 'image':
        return await this.#store(output, progress)
      case 'registry':
        return await this.#pushAll(this.#targets(output), progress)
    }
  }

  async written(): Promise<Written> {
    const done = { names: this.#names, pushed: this.#pushed }
    if (this.#image === undefined) return done
    const { built } = await this.#image
    return { imageDigest: built.descriptor.digest, configDigest: built.configDigest, config: built.config, ...done }
  }

  async #committed(): Promise<CommittedImage> {
    this.#image ??= commit(this.#parts, this.#request)
    return await this.#image
  }

  #targets({ names }: { readonly names?: readonly string[] }): readonly Reference[] {
    return names === undefined ? this.#references : names.map((name) => parseReference(name))
  }

  async #writeOci(
    { dest, tar, compression }: Extract<Output, { type: 'oci' }>,
    onProgress: OnBlobProgress,
  ): Promise<void> {
    const { built, source } = await this.#committed()
    const destination = tar === false && typeof dest === 'string' ? { directory: dest } : { tar: dest }
    const how = compression === 'uncompressed' ? 'none' : (compression ?? 'gzip')
    const options = { ...this.#call, compression: how, references: this.#references, onProgress } as const
    await writeOciLayout(built, source, destination, options)
  }

  async #store(output: Extract<Output, { type: 'image' }>, progress: OnBlobProgress): Promise<void> {
    const { built } = await this.#committed()
    const target = { manifest: built.descriptor, platform: normalizePlatform(this.#request.target.platform) }
    const references = this.#targets(output)
    for (const reference of references) this.#names.push(await setName(this.#parts, reference, target))
    if (references.length === 0) await keepUnnamed(this.#parts.names, target)
    if (output.push === true) await this.#pushAll(references, progress)
  }

  async #pushAll(references: readonly Reference[], progress: OnBlobProgress): Promise<void> {
    if (references.length === 0) {
      throw new CoreError('OPTION_INVALID', 'Cannot push: the image has no name', { hint: 'Name it with --tag' })
    }
    const { built, source } = await this.#committed()
    const options = { ...this.#call, onProgress: progress }
    for (const reference of references)
      this.#pushed.push(await pushBuilt(this.#parts, built, source, reference, options))
  }
}

interface CommittedImage {
  readonly built: AssembledImage
  readonly source: ImageSource
}

async function commit(parts: EngineParts, request: OutputRequest): Promise<CommittedImage> {
  const { built, layers } = await commitImage(parts, { ...request, ...maxMtime(request), now: Date.now() })
  return { built, source: openImageSource(parts, layers) }
}

function maxMtime({ rewriteTimestamp, epoch }: OutputRequest): { maxMtime?: number } {
  return rewriteTimestamp && epoch !== undefined ? { maxMtime: epoch } : {}
}

async function setName({ names }: EngineParts, reference: Reference, target: ImageTarget): Promise<string> {
  const name = formatReference(reference)
  await assignName(names, name, target)
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
