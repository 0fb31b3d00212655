import type { CacheExportOptions } from '@tsbuild/core'
import { type CompressionMembers, compressionMembers, type SpecMembers } from '../spec-members.js'

/** Members of `--cache-to` that say what is sent and how. */
export const exportKeys = [
  'mode',
  'compression',
  'compression-level',
  'force-compression',
  'ignore-error',
  'required',
] as const

/** Those that say in which form a cache's manifest is; there is one. */
export const formatKeys = ['oci-mediatypes', 'image-manifest'] as const

/** @throws {CliError} `ARGUMENT_INVALID` */
export function exportOptions(members: SpecMembers): CacheExportOptions {
  for (const key of formatKeys) {
    if (members.flag(key) === false)
      throw members.bad(`${key}=false is not supported`, 'A cache is an OCI image manifest, which every registry takes')
  }
  const mode = members.choice('mode', ['min', 'max'])
  const ignored = members.flag('ignore-error')
  const word = members.flag('required')
  const required = word ?? (ignored === undefined ? undefined : !ignored)
  if (required !== undefined && required === ignored)
    throw members.bad('required and ignore-error contradict each other')
  return {
    ...(mode === undefined ? {} : { mode }),
    ...compression(members),
    ...(required === undefined ? {} : { required }),
  }
}

function compression(members: SpecMembers): CompressionMembers {
  const read = compressionMembers(members)
  const { compression: kind = 'gzip', compressionLevel: level } = read
  if (level === undefined) return read
  if (kind === 'uncompressed') throw members.bad('compression=uncompressed has no levels')
  const highest = kind === 'gzip' ? 9 : 22
  if (level > highest) throw members.bad(`compression-level "${level}" is too high`, `${kind}: 0 to ${highest}`)
  return read
}
