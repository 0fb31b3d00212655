import { type Descriptor, isDigest } from '@tsbuild/spec'
import { invalid } from './errors.js'

/** List of a cache mount's paths: see `encodeTree`. */
export const treeMediaType = 'application/vnd.tsbuild.cache.mount.tree.v1+zstd'
/** Contents of files, one after the other. */
export const packMediaType = 'application/vnd.tsbuild.cache.mount.pack.v1+zstd'

/** Contents that a cache mount's export and import take at most, without being told. */
export const defaultMaxMountBytes = 1024 ** 3

/** What a cache's record says of one cache mount. JSON. */
export interface MountExport {
  /** Of its folder: 32 hex digits, the same on every machine. */
  readonly name: string
  /** As the Dockerfile has it. */
  readonly id: string
  /** Regular files, hard links once. */
  readonly files: number
  /** Sum of their sizes. */
  readonly bytes: number
  readonly tree: Descriptor
  /** In the order in which `tree` counts them. */
  readonly packs: readonly Descriptor[]
}

/** More are never written. */
const maxPacks = 1024
const maxIdLength = 4096

/** Checks what a record says of cache mounts; nothing but the members of {@link MountExport} is taken over.
 * @throws {CoreError} `CACHE_INVALID` */
export function readMountExports(value: unknown): MountExport[] {
  if (!Array.isArray(value)) throw invalid('read the cache mounts of a record', 'they are not a list')
  const mounts = value.map(readMountExport)
  const names = new Set(mounts.map(({ name }) => name))
  if (names.size < mounts.length) throw invalid('read the cache mounts of a record', 'two have one name')
  return mounts
}

function readMountExport(value: unknown): MountExport {
  const { name, id, files, bytes, tree, packs } = membersOf(value)
  if (typeof name !== 'string' || !/^[0-9a-f]{32}$/.test(name)) throw odd('its name is no 32 hex digits')
  if (typeof id !== 'string' || id.length > maxIdLength) throw odd('its id is no text', name)
  if (!isCount(files) || !isCount(bytes)) throw odd('its files or bytes are no count', name)
  if (!Array.isArray(packs) || packs.length > maxPacks) throw odd('its packs are no list', name)
  return {
    name,
    id,
    files,
    bytes,
    tree: readDescriptor(tree, treeMediaType, name),
    packs: packs.map((pack) => readDescriptor(pack, packMediaType, name)),
  }
}

function readDescriptor(value: unknown, wanted: string, name: string): Descriptor {
  const { mediaType, digest, size } = membersOf(value, name)
  if (mediaType !== wanted) throw odd('a blob has another media type', name)
  if (!isDigest(digest)) throw odd('a blob has no digest', name)
  if (!isCount(size) || size === 0) throw odd('a blob has no size', name)
  return { mediaType, digest, size }
}

function membersOf(value: unknown, name?: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw odd('it is no object', name)
  return value as Readonly<Record<string, unknown>>
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function odd(why: string, name?: string) {
  return invalid(
    name === undefined ? 'read a cache mount of a record' : `read the cache mount "${name}" of a record`,
    why,
  )
}
