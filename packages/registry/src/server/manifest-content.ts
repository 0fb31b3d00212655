import { type Descriptor, isDigest, isIndexType, isManifestType, type ManifestPut, mediaTypes } from '@tsbuild/spec'
import { Failure } from './failure.js'
import { isWellFormedDigest } from './grammar.js'

/** Layers that may lie elsewhere: nobody pushes them. */
const foreign = /^application\/vnd\.(?:docker\.image\.rootfs\.foreign\.|oci\.image\.layer\.nondistributable\.)/
const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/

/** What a manifest is and what it names. */
export type ManifestContent = Omit<ManifestPut, 'tag' | 'bytes'>

type Json = Readonly<Record<string, unknown>>

/** Reads what a manifest names. One of a type that is not known is taken as it is; where it has `config`, `layers`, `blobs` or
 * `manifests` of the usual form, those must be there, too.
 * @throws {Failure} `MANIFEST_INVALID` */
export function readManifest(bytes: Uint8Array, contentType: string | undefined): ManifestContent {
  const json = parseObject(bytes)
  const mediaType = typeOf(json, contentType)
  const known = isManifestType(mediaType) || isIndexType(mediaType)
  if (known) checkForm(json, isIndexType(mediaType))
  const list = (value: unknown) => (Array.isArray(value) ? value : value === undefined ? [] : [value])
  const blobs = [json.config, json.layers, json.blobs].flatMap(list).filter(isDescriptor).filter(isHere)
  const manifests = list(json.manifests).filter(isDescriptor).filter(isHere)
  const subject = subjectOf(json)
  const referrer = subject === undefined ? {} : { referrer: { subject, descriptor: referrerOf(json, mediaType) } }
  return { mediaType, blobs, manifests, ...referrer }
}

function parseObject(bytes: Uint8Array): Json {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw invalid('the manifest is not JSON')
  }
  if (isObject(value)) return value
  throw invalid('the manifest is not a JSON object')
}

/** The header's type counts; a manifest that has one of its own must agree. */
function typeOf({ mediaType: own, schemaVersion }: Json, contentType: string | undefined): string {
  const given = contentType?.split(';')[0]?.trim()
  if (own !== undefined && typeof own !== 'string') throw invalid('the mediaType is not a string')
  if (given && own && given !== own) throw invalid(`the mediaType is "${own.slice(0, 200)}", not the Content-Type`)
  const type = given || own
  if (!type) throw invalid('the Content-Type is missing')
  if (!/^[\w.+-]+\/[\w.+-]{1,200}$/.test(type)) throw invalid('the Content-Type is not a media type')
  if (schemaVersion === 1 || schema1.test(type)) throw invalid("Docker's schema 1 is not supported")
  return type
}

function checkForm({ schemaVersion, config, layers, manifests }: Json, isIndex: boolean): void {
  if (schemaVersion !== 2) throw invalid('the schemaVersion is not 2')
  if (isIndex) {
    if (!isList(manifests)) throw invalid('the manifests are no list of descriptors')
    if (config !== undefined || layers !== undefined) throw invalid('an index has neither config nor layers')
  } else {
    if (!isDescriptor(config)) throw invalid('the config is no descriptor')
    if (!isList(layers)) throw invalid('the layers are no list of descriptors')
    if (manifests !== undefined) throw invalid('an image has no list of manifests')
  }
}

function subjectOf({ subject }: Json): string | undefined {
  if (subject === undefined) return undefined
  const digest = isObject(subject) ? subject.digest : undefined
  if (typeof digest === 'string' && isWellFormedDigest(digest)) return digest
  throw invalid('the subject is no descriptor')
}

/** A manifest's line in the list of referrers, without digest and size (distribution spec, "Listing Referrers"). */
function referrerOf(json: Json, mediaType: string): Omit<Descriptor, 'digest' | 'size'> {
  const { annotations, artifactType: own, config } = json
  const configType = isObject(config) && mediaType !== mediaTypes.ociIndex ? config.mediaType : undefined
  const artifactType = typeof own === 'string' && own !== '' ? own : configType
  return {
    mediaType,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(isObject(annotations) ? { annotations: annotations as Record<string, string> } : {}),
  }
}

function isList(value: unknown): value is readonly Descriptor[] {
  return Array.isArray(value) && value.every((item) => isDescriptor(item) || isForeignAlgorithm(item))
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false
  const { mediaType, digest, size } = value
  return typeof mediaType === 'string' && isDigest(digest) && Number.isSafeInteger(size) && (size as number) >= 0
}

/** A descriptor whose blob can't be kept here. */
function isForeignAlgorithm(value: unknown): boolean {
  const digest = isObject(value) ? value.digest : undefined
  if (typeof digest !== 'string' || isDigest(digest) || !isWellFormedDigest(digest)) return false
  throw invalid(`digests of "${digest.split(':')[0]}" are not supported, only sha256`)
}

function isHere({ mediaType }: Descriptor): boolean {
  return !foreign.test(mediaType)
}

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function invalid(message: string): Failure {
  return new Failure(400, 'MANIFEST_INVALID', message)
}
