import {
  type CallOptions,
  canonicalJson,
  type Descriptor,
  type Digest,
  formatReference,
  type ImageIndex,
  type JsonValue,
  mediaTypes,
  type Platform,
  parseReference,
  type Table,
} from '@tsbuild/spec'
import type {
  ManifestAnnotations,
  ManifestCallOptions,
  ManifestList,
  ManifestListEntry,
  ManifestLists,
  PushManifestListOptions,
} from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import type { Track } from './images.js'

/** Lists are rows of a table of their own: the store's names lead to images that are here, which those of a list need not be. */
export class ManifestListCatalog implements ManifestLists {
  readonly #parts: EngineParts
  readonly #run: Track
  readonly #table: Table<JsonValue>

  constructor(parts: EngineParts, run: Track) {
    this.#parts = parts
    this.#run = run
    this.#table = parts.store.metadata.table<JsonValue>('manifest-lists')
  }

  async create(
    name: string,
    images: readonly string[],
    { amend = false, ...call }: ManifestCallOptions & { readonly amend?: boolean } = {},
  ): Promise<ManifestList> {
    const full = listName(name)
    const before = this.#get(full)
    if (before !== undefined && !amend)
      throw new CoreError('MANIFEST_LIST_EXISTS', `Cannot create manifest list "${name}": there is one`, {
        hint: 'Add to it with --amend, or remove it first',
      })
    const { findEntries } = await import('./manifest-list-entries.js')
    return await this.#run(async () => {
      const entries = new Map((before?.entries ?? []).map((entry) => [entry.digest, entry]))
      for (const image of images)
        for (const entry of await findEntries(this.#parts, image, call)) entries.set(entry.digest, entry)
      return await this.#put({ name: full, entries: [...entries.values()] })
    })
  }

  async annotate(name: string, image: string, annotations: ManifestAnnotations): Promise<ManifestList> {
    const list = this.#find(name)
    const chosen = list.entries.filter((entry) => entry.digest === image || entry.name === fullName(image))
    if (chosen.length !== 1) {
      const state = chosen.length === 0 ? 'the list has no such image' : 'the list has several images of this name'
      throw new CoreError('IMAGE_NOT_FOUND', `Cannot annotate "${image}": ${state}`, {
        hint: `Name one of them by its digest: ${list.entries.map(({ digest }) => digest).join(', ')}`,
      })
    }
    const entries = list.entries.map((entry) => (chosen.includes(entry) ? annotated(entry, annotations) : entry))
    return await this.#put({ ...list, entries })
  }

  index(name: string): ImageIndex | undefined {
    const list = this.#get(listName(name))
    return list && indexOf(list.entries.map(descriptorOf), 'oci')
  }

  async fetch(
    name: string,
    call: CallOptions = {},
  ): Promise<{ readonly mediaType: string; readonly bytes: Uint8Array }> {
    return await this.#run(async () => {
      const client = await this.#parts.registry()
      const { descriptor, bytes } = await client.fetchManifest(parseReference(name), call)
      return { mediaType: descriptor.mediaType, bytes }
    })
  }

  list(): ManifestList[] {
    return [...this.#table.entries()].map(({ value }) => value as unknown as ManifestList)
  }

  async push(
    name: string,
    { purge = false, format = 'oci', onImage, ...call }: PushManifestListOptions = {},
  ): Promise<{ readonly name: string; readonly digest: Digest }> {
    const list = this.#find(name)
    const { pushEntry } = await import('./manifest-list-entries.js')
    return await this.#run(async () => {
      const reference = parseReference(list.name)
      const manifests: Descriptor[] = []
      for (const entry of list.entries) {
        const sent = await pushEntry(this.#parts, entry, reference, call)
        onImage?.(entry.name, sent.digest)
        manifests.push({ ...descriptorOf(entry), ...sent })
      }
      const index = indexOf(manifests, format)
      const bytes = Buffer.from(canonicalJson(index as unknown as JsonValue))
      const client = await this.#parts.registry()
      const digest = await client.pushManifest(reference, bytes, index.mediaType ?? '', call)
      if (purge) await this.#table.remove(list.name)
      return { name: list.name, digest }
    })
  }

  async remove(name: string): Promise<void> {
    await this.#table.remove(this.#find(name).name)
  }

  #get(name: string): ManifestList | undefined {
    return this.#table.get(name) as unknown as ManifestList | undefined
  }

  #find(name: string): ManifestList {
    const list = this.#get(listName(name))
    if (list !== undefined) return list
    throw new CoreError('MANIFEST_LIST_NOT_FOUND', `Cannot find manifest list "${name}": there is none here`, {
      hint: `Make it with "tsbuild manifest create ${name} IMAGE..."`,
    })
  }

  async #put(list: ManifestList): Promise<ManifestList> {
    await this.#table.put(list.name, list as unknown as JsonValue)
    return list
  }
}

/** @throws {SpecError} `REFERENCE_INVALID`, {CoreError} `OPTION_INVALID` */
function listName(name: string): string {
  const reference = parseReference(name)
  if (reference.digest === undefined) return formatReference(reference)
  throw new CoreError('OPTION_INVALID', `Cannot name a manifest list "${name}": a name with a digest can't be given`)
}

function fullName(image: string): string | undefined {
  return image.startsWith('sha256:') ? undefined : formatReference(parseReference(image))
}

function descriptorOf({ mediaType, digest, size, platform, annotations }: ManifestListEntry): Descriptor {
  return { mediaType, digest, size, platform, ...(annotations === undefined ? {} : { annotations }) }
}

function indexOf(manifests: readonly Descriptor[], format: 'oci' | 'docker'): ImageIndex {
  if (format === 'oci') return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  // Docker's format knows no annotations.
  const plain = manifests.map(({ annotations: _, ...manifest }) => manifest)
  return { schemaVersion: 2, mediaType: mediaTypes.dockerIndex, manifests: plain }
}

function annotated(entry: ManifestListEntry, given: ManifestAnnotations): ManifestListEntry {
  const { os, architecture, variant, osVersion, osFeatures } = given
  const platform: Platform = {
    ...entry.platform,
    ...(os === undefined ? {} : { os }),
    ...(architecture === undefined ? {} : { architecture }),
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(osFeatures === undefined ? {} : { 'os.features': osFeatures }),
  }
  const annotations = { ...entry.annotations, ...given.annotations }
  return { ...entry, platform, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) }
}
