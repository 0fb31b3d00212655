import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type OnBlobProgress, writeDockerArchive, writeOciIndex, writeOciLayout, writeStream } from '@tsbuild/exporter'
import { InputGoneError } from '@tsbuild/solver'
import {
  type CallOptions,
  type Digest,
  formatPlatform,
  formatReference,
  normalizePlatform,
  type OnBuildEvent,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import type { ImageTarget } from '@tsbuild/store'
import type { BuildResult, Output } from '../api.js'
import type { LazyLayers, PresentOptions } from '../cache/transfer/lazy-layers.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { assignName, keepUnnamed } from '../images/image-names.js'
import { compressionOf } from './compression.js'
import { keepBuilt } from './keep-built.js'
import { type BuiltTarget, type CommittedImage, type ImageRequest, OutputImages } from './output-image.js'
import { outputStep } from './output-step.js'
import { pushBuilt, pushBuiltIndex } from './push-built.js'

export interface OutputRequest extends ImageRequest {
  readonly outputs: readonly Output[]
  readonly tags: readonly string[]
  readonly emit: OnBuildEvent
}

type Written = Omit<BuildResult, 'steps' | 'cacheExports' | 'warnings' | 'durationMs'>

/** Sends a build's result where it should go, one output after the other; each shows as a step. */
export async function writeOutputs(parts: EngineParts, asked: OutputRequest): Promise<Written> {
  const { outputs, built } = asked
  if (outputs.some(({ type }) => type !== 'cacheonly'))
    built.lazy.mustHave(asked.targets.flatMap(({ chain }) => chain.layers))
  const request = outputs.every((output) => needsNoFiles(output, asked)) ? asked : await withFiles(asked)
  const writer = new OutputWriter(parts, request)
  if (outputs.some((output) => output.type !== 'image' || output.push === true)) {
    const layers = request.targets.flatMap(({ chain }) => chain.layers)
    await parts.hold.hold(layers.filter((layer) => built.lazy.info(layer) === undefined))
  }
  for (const output of request.outputs) {
    request.signal?.throwIfAborted()
    await outputStep(request.emit, stepName(output), (progress) => writer.write(output, progress))
  }
  return writer.written()
}

/** What goes to a registry goes there from wherever it is, and what the registry has goes nowhere. */
function needsNoFiles(output: Output, { rewriteTimestamp }: OutputRequest): boolean {
  if (output.type === 'cacheonly') return true
  if (output.type !== 'registry' || output.forceCompression === true) return false
  return (output.rewriteTimestamp ?? rewriteTimestamp) !== true
}

/** The same request when the files of all layers are here. */
async function withFiles(request: OutputRequest): Promise<OutputRequest> {
  const { targets, built, emit, signal } = request
  const layers = targets.flatMap(({ chain }) => chain.layers)
  if (layers.every((layer) => built.lazy.info(layer) === undefined)) {
    return { ...request, targets: await Promise.all(targets.map((one) => presentTarget(one, built.lazy))) }
  }
  const fetched = await outputStep(emit, 'fetching cached layers', async (onProgress) => {
    const options = {
      ...(signal === undefined ? {} : { signal }),
      onProgress: (item: string, bytes: number, total?: number, done = false) => onProgress(item, bytes, total, done),
    }
    try {
      return await Promise.all(targets.map((one) => presentTarget(one, built.lazy, options)))
    } catch (error) {
      // No failure of the build: it runs the steps instead.
      if (error instanceof InputGoneError) return error
      throw error
    }
  })
  if (fetched instanceof InputGoneError) throw fetched
  return { ...request, targets: fetched }
}

async function presentTarget(one: BuiltTarget, lazy: LazyLayers, options: PresentOptions = {}): Promise<BuiltTarget> {
  return { ...one, chain: { ...one.chain, layers: await lazy.present(one.chain.layers, options) } }
}

/** Writes outputs of one build. */
class OutputWriter {
  readonly #parts: EngineParts
  readonly #request: OutputRequest
  readonly #images: OutputImages
  readonly #references: readonly Reference[]
  readonly #call: CallOptions
  readonly #names: string[] = []
  readonly #pushed: { name: string; digest: Digest }[] = []
  #built: Partial<Pick<BuildResult, 'imageDigest' | 'configDigest' | 'config'>> = {}

  constructor(parts: EngineParts, request: OutputRequest) {
    this.#parts = parts
    this.#request = request
    this.#images = new OutputImages(parts, request)
    this.#references = request.tags.map((tag) => parseReference(tag))
    this.#call = request.signal === undefined ? {} : { signal: request.signal }
  }

  async write(output: Output, progress: OnBlobProgress): Promise<void> {
    switch (output.type) {
      case 'cacheonly':
        return
      case 'local':
        return await this.#writeFiles(output.dest)
      case 'tar':
        return await this.#writeTar(output)
      case 'oci':
        return await this.#writeOci(output, progress)
      case 'docker':
        return await this.#writeDocker(output, progress)
      case 'image':
        return this.#isIndex ? await this.#push(output, progress) : await this.#store(output, progress)
      case 'registry':
        return await this.#push(output, progress)
    }
  }

  written(): Written {
    const [first] = this.#pushed
    const onlyPushed = first !== undefined && this.#request.outputs.every(({ type }) => type === 'registry')
    const digest = onlyPushed ? { imageDigest: first.digest } : {}
    return { ...this.#built, ...digest, names: this.#names, pushed: this.#pushed }
  }

  get #isIndex(): boolean {
    return this.#request.targets.length > 1
  }

  #only<T>(items: readonly T[]): T {
    const [item] = items
    if (item === undefined) throw new RangeError('a build without a result')
    return item
  }

  async #writeFiles(dest: string): Promise<void> {
    for (const { target, chain } of this.#request.targets) {
      const folder = formatPlatform(target.platform).replaceAll('/', '_')
      const directory = resolve(this.#isIndex ? join(dest, folder) : dest)
      await mkdir(directory, { recursive: true })
      await this.#parts.snapshotter.copyChain(chain.layers, directory, this.#call)
    }
  }

  async #writeTar({ dest, sourceDateEpoch }: Extract<Output, { type: 'tar' }>): Promise<void> {
    const { layers } = this.#only<BuiltTarget>(this.#request.targets).chain
    const epoch = sourceDateEpoch === undefined ? this.#request.epoch : sourceDateEpoch
    const times = epoch === undefined || epoch === null ? {} : { maxMtime: epoch }
    await writeStream(this.#parts.snapshotter.packChain(layers, { ...this.#call, ...times }), dest, this.#call)
  }

  async #writeOci(output: Extract<Output, { type: 'oci' }>, onProgress: OnBlobProgress): Promise<void> {
    const { dest, tar } = output
    const destination = tar === false && typeof dest === 'string' ? { directory: dest } : { tar: dest }
    const references = this.#targets(output)
    const options = { ...this.#call, ...compressionOf(output), references, onProgress }
    if (this.#isIndex) {
      const { digest } = await writeOciIndex(await this.#images.index(output), destination, options)
      this.#built = { imageDigest: digest }
      return
    }
    const { built, source } = await this.#one(output)
    await writeOciLayout(built, source, destination, options)
  }

  async #writeDocker(output: Extract<Output, { type: 'docker' }>, onProgress: OnBlobProgress): Promise<void> {
    const { built, source } = await this.#one(output)
    const options = { ...this.#call, references: this.#targets(output), onProgress }
    await writeDockerArchive(built, source, output.dest, options)
  }

  async #store(output: Extract<Output, { type: 'image' }>, progress: OnBlobProgress): Promise<void> {
    const image = await this.#one(output)
    this.#tell(image)
    const { platform } = this.#only(this.#request.targets).target
    const target = { manifest: image.built.descriptor, platform: normalizePlatform(platform) }
    const references = this.#targets(output)
    const { layers } = this.#only(this.#request.targets).chain
    const names = references.map(formatReference)
    if (names.length === 0 || !names.every((name) => this.#leadsTo(name, target))) {
      await using _lease = await keepBuilt(this.#parts, image, layers, this.#call)
      for (const name of names) await assignName(this.#parts.names, name, target)
      if (names.length === 0) await keepUnnamed(this.#parts.names, target)
    }
    this.#names.push(...names)
    if (output.push === true) await this.#push(output, progress)
  }

  async #push(output: Extract<Output, { type: 'image' | 'registry' }>, onProgress: OnBlobProgress): Promise<void> {
    const references = this.#targets(output)
    if (references.length === 0) {
      throw new CoreError('OPTION_INVALID', 'Cannot push: the image has no name', { hint: 'Name it with --tag' })
    }
    const options = { ...this.#call, ...compressionOf(output), onProgress }
    if (this.#isIndex) {
      const index = await this.#images.index(output)
      for (const reference of references) {
        const done = await pushBuiltIndex(this.#parts, index, reference, options)
        this.#pushed.push(done)
        this.#built = { imageDigest: done.digest }
      }
      return
    }
    const { built, source } = await this.#one(output)
    for (const reference of references)
      this.#pushed.push(await pushBuilt(this.#parts, built, source, reference, options))
  }

  #leadsTo(name: string, { manifest }: ImageTarget): boolean {
    return this.#parts.names.get(name)?.manifest.digest === manifest.digest
  }

  /** The image of a build for one platform. */
  async #one(wanted: Parameters<OutputImages['variant']>[0]): Promise<CommittedImage> {
    const image = this.#only(await this.#images.variant(wanted))
    if (this.#built.config === undefined) this.#tell(image)
    return image
  }

  #tell({ built: { descriptor, configDigest, config } }: CommittedImage): void {
    this.#built = { imageDigest: descriptor.digest, configDigest, config }
  }

  #targets({ names }: { readonly names?: readonly string[] }): readonly Reference[] {
    return names === undefined ? this.#references : names.map((name) => parseReference(name))
  }
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
    case 'cacheonly':
      return 'keeping the result in the cache'
  }
}
