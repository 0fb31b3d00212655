import {
  type CacheRecord,
  type Descriptor,
  type DiffID,
  type Digest,
  type JsonValue,
  parseJson,
  type SnapshotName,
} from '@tsbuild/spec'
import { CoreError } from '../../errors.js'
import type { SelectionDigest } from '../../files/index.js'
import { JsonReader } from './json-reader.js'

/** A layer that an exported record names. */
export interface ExportedLayer {
  readonly name: SnapshotName
  readonly diffId: DiffID
  /** Bytes of its uncompressed tar. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** The form in which it lies in the cache. Absent in an inline cache: there it is the image's layer of this diffID. */
  readonly blob?: Descriptor
}

/** What a cache says: the record that a backend keeps. */
export interface CacheDocument {
  /** Of steps; one whose layer is not in `layers` tells only that its key is known. */
  readonly records: readonly CacheRecord[]
  readonly layers: readonly ExportedLayer[]
  /** What selections of results' files are, by the key that the file engine asks with. */
  readonly digests: ReadonlyMap<string, SelectionDigest>
  /** Cache mounts, as `cache/mounts` has them. */
  readonly mounts: readonly JsonValue[]
}

/** Older and newer programs refuse what they don't know. */
export const cacheFormat = 1

export function writeCacheDocument({ records, layers, digests, mounts }: CacheDocument): JsonValue {
  return {
    version: cacheFormat,
    records: records as unknown as JsonValue,
    layers: layers as unknown as JsonValue,
    digests: Object.fromEntries(digests) as unknown as JsonValue,
    ...(mounts.length === 0 ? {} : { mounts }),
  }
}

/** Takes long where there are many bytes: `readCacheRecord` does it in a worker then.
 * @throws {CoreError} `CACHE_INVALID`, naming what is wrong */
export function readCacheDocument(bytes: Uint8Array): CacheDocument {
  const document = new JsonReader(parse(bytes), 'record')
  const version = document.at('version').count()
  if (version !== cacheFormat)
    throw new CoreError(
      'CACHE_INVALID',
      `Cannot read a cache: it has format ${version}, this program knows ${cacheFormat}`,
    )
  const mounts = document.at('mounts')
  return {
    records: document.at('records').items().map(readRecord),
    layers: document.at('layers').items().map(readLayer),
    digests: new Map(
      document
        .at('digests')
        .entries()
        .map(([key, value]) => [key, readDigest(value)]),
    ),
    mounts: mounts.isMissing ? [] : mounts.items().map((mount) => mount.json()),
  }
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes), 'a cache')
  } catch (cause) {
    throw new CoreError('CACHE_INVALID', `Cannot read a cache: ${(cause as Error).message}`, { cause })
  }
}

function readRecord(value: JsonReader): CacheRecord {
  const [name, facts] = [value.at('name'), value.at('facts')]
  const record: CacheRecord = {
    key: value.at('key').digest(),
    step: value.at('step').string(),
    kind: value.at('kind').string(),
    inputs: value
      .at('inputs')
      .items()
      .map((input) => ({ name: input.at('name').string(), value: input.at('value').json() })),
    ...(name.isMissing ? {} : { name: name.string() }),
    ...(facts.isMissing ? {} : { facts: facts.json() }),
    madeOn: value
      .at('madeOn')
      .items()
      .map((id) => id.string()),
    resultId: value.at('resultId').string(),
    value: value.at('value').json(),
    createdAt: value.at('createdAt').pastTime(),
    durationMs: value.at('durationMs').milliseconds(),
    sizeBytes: value.at('sizeBytes').count(),
  }
  const layer = value.at('value')
  // A step's result is its layer, or what its base image is.
  if (record.kind !== 'image' && layer.at('layer').text(snapshotName, 'a layer') !== record.resultId)
    throw new CoreError('CACHE_INVALID', `Cannot read a cache: result "${record.resultId}" is not its layer`)
  return record
}

const snapshotName = /^[0-9a-f]{16}$/

function readLayer(value: JsonReader): ExportedLayer {
  const blob = value.at('blob')
  return {
    name: value.at('name').text(snapshotName, 'the name of a layer') as SnapshotName,
    diffId: value.at('diffId').digest() as Digest as DiffID,
    size: value.at('size').count(),
    createdAt: value.at('createdAt').pastTime(),
    ...(blob.isMissing ? {} : { blob: readBlob(blob) }),
  }
}

function readBlob(value: JsonReader): Descriptor {
  return {
    mediaType: value.at('mediaType').string(),
    digest: value.at('digest').digest(),
    size: value.at('size').count(),
  }
}

function readDigest(value: JsonReader): SelectionDigest {
  return {
    digest: value.at('digest').digest(),
    files: value.at('files').count(),
    bytes: value.at('bytes').count(),
  }
}
