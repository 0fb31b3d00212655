import { type Platform, parseReference } from '@tsbuild/spec'
import type { Annotation, BuildOptions, CacheTarget, LayerCompression, Output } from '../api.js'
import { CoreError } from '../errors.js'
import { checkAnnotations } from './annotations.js'

/** What is asked for with the image of an output, besides what the whole build is asked for. */
export interface OutputNeeds {
  readonly platforms: readonly Platform[]
  readonly tags: readonly string[]
  readonly annotations: readonly Annotation[]
  readonly cacheTo?: readonly CacheTarget[]
}

type ImageOutput = Extract<Output, { readonly type: 'image' | 'oci' | 'registry' }>

/** What a build writes where nothing else is said: an image for the store. Named images go there in any case, but for those of several
 * platforms, which the store can't hold. */
export function outputsOf({ outputs = [], tags = [] }: BuildOptions, platforms: number): readonly Output[] {
  if (platforms > 1) return outputs.length === 0 && tags.length > 0 ? [{ type: 'image' }] : outputs
  if (outputs.length === 0) return [{ type: 'image' }]
  return tags.length > 0 && !outputs.some(({ type }) => type === 'image' || type === 'cacheonly')
    ? [{ type: 'image' }, ...outputs]
    : outputs
}

/** Refuses outputs that can't be written, before anything is built for them.
 * @throws {SpecError} `REFERENCE_INVALID`, `PLATFORM_INVALID`, {CoreError} `OPTION_INVALID` */
export function checkOutputs(outputs: readonly Output[], needs: OutputNeeds): void {
  checkNames([...needs.tags, ...outputs.flatMap((output) => ('names' in output ? (output.names ?? []) : []))])
  checkAnnotations(needs.annotations, needs.platforms)
  if (needs.annotations.length > 0 && outputs.length > 0 && outputs.every(hasNoImage))
    throw new CoreError('OPTION_INVALID', 'Cannot annotate the image: no output writes one')
  for (const output of outputs) checkOutput(output, needs)
  for (const target of needs.cacheTo ?? []) if (target.type !== 'inline') checkCompression(target)
}

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (parseReference(name).digest === undefined) continue
    throw new CoreError('OPTION_INVALID', `Cannot tag "${name}": a name with a digest can't be given`)
  }
}

function hasNoImage({ type }: Output): boolean {
  return type === 'local' || type === 'tar' || type === 'cacheonly'
}

function checkOutput(output: Output, needs: OutputNeeds): void {
  if (needs.platforms.length > 1) checkSeveral(output)
  switch (output.type) {
    case 'image':
      checkVariant(output, needs)
      if (output.push !== true) checkStored(output)
      checkCompression(output)
      return
    case 'oci':
    case 'registry':
      checkVariant(output, needs)
      checkCompression(output)
      return
    case 'docker':
    case 'local':
    case 'tar':
    case 'cacheonly':
      return
  }
}

function checkSeveral({ type, ...rest }: Output): void {
  if (type === 'image' && 'push' in rest && rest.push === true) return
  if (type !== 'image' && type !== 'docker' && type !== 'tar') return
  const what = type === 'image' ? 'the local store' : `type=${type}`
  throw new CoreError('OPTION_INVALID', `Cannot write several platforms: ${what} holds one`, {
    hint: type === 'tar' ? 'Use type=local, or build one platform' : 'Push it, use type=oci, or build one platform',
  })
}

function checkVariant(output: ImageOutput, needs: OutputNeeds): void {
  const own = output.annotations ?? []
  checkAnnotations(own, needs.platforms)
  const all = [...needs.annotations, ...own]
  const onDescriptor = all.find(({ on }) => on === 'manifest-descriptor')
  if (onDescriptor !== undefined && needs.platforms.length < 2 && output.type !== 'oci') {
    throw invalid(
      `annotate with "${onDescriptor.key}"`,
      "without an index nothing has the manifest's descriptor",
      'Annotate the manifest, use type=oci, or build several platforms',
    )
  }
  if (output.mediaTypes === 'docker') {
    if (all.length > 0) throw invalid("use Docker's media types", 'they have no annotations')
    if (output.compression === 'zstd') throw invalid("use Docker's media types", 'they have no zstd')
  }
}

function checkStored({ compression, compressionLevel, forceCompression }: LayerCompression): void {
  if (compression === undefined && compressionLevel === undefined && forceCompression === undefined) return
  throw invalid('compress the image', 'layers in the local store are not compressed', 'Push the image, or use type=oci')
}

const highestLevel = { gzip: 9, zstd: 22, uncompressed: -1 } as const

function checkCompression({ compression = 'gzip', compressionLevel }: LayerCompression): void {
  if (compressionLevel === undefined) return
  const highest = highestLevel[compression]
  if (Number.isInteger(compressionLevel) && compressionLevel >= 0 && compressionLevel <= highest) return
  const levels = highest < 0 ? 'uncompressed layers have none' : `${compression} has 0 to ${highest}`
  throw invalid(`compress with level "${compressionLevel}"`, levels)
}

function invalid(verb: string, state: string, hint?: string): CoreError {
  return new CoreError('OPTION_INVALID', `Cannot ${verb}: ${state}`, hint === undefined ? {} : { hint })
}
