import type { BuildOptions } from '@tsbuild/core'
import { badFlag, CliError } from '../errors.js'
import { parseBytes } from '../format/size.js'
import type { Io } from '../io.js'
import { parseCacheFrom, parseCacheTo } from './cache-spec.js'
import type { BuildFlags } from './flags.js'

/** What the flags say of caches elsewhere; a place that is named twice counts once.
 * @throws {CliError} `ARGUMENT_INVALID`, `USAGE` */
export function readCaches(
  { cacheFrom, cacheTo, cacheMounts }: Pick<BuildFlags, 'cacheFrom' | 'cacheTo' | 'cacheMounts'>,
  env: Io['env'],
): Pick<BuildOptions, 'cacheFrom' | 'cacheTo' | 'cacheMounts'> {
  const sources = distinct(cacheFrom.flatMap((text) => parseCacheFrom(text, env)))
  const targets = distinct(cacheTo.flatMap((text) => parseCacheTo(text, env)))
  const mounts = cacheMounts === undefined ? undefined : mountTravel(cacheMounts)
  if (mounts && cacheFrom.length === 0 && cacheTo.length === 0)
    throw new CliError('USAGE', 'Cannot let cache mounts travel: no cache is named', {
      hint: 'Name one with --cache-to or --cache-from',
    })
  return {
    cacheFrom: sources,
    cacheTo: targets,
    ...(mounts === undefined ? {} : { cacheMounts: mounts }),
  }
}

function distinct<T>(places: readonly T[]): T[] {
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()]
}

function mountTravel(text: string): NonNullable<BuildOptions['cacheMounts']> {
  if (text === '' || text === 'true') return true
  if (text === 'false') return false
  const maxBytes = parseBytes(text)
  if (maxBytes === undefined || maxBytes === 0) throw badFlag('--cache-mounts', text, 'not a size', 'e.g. 512m or 2g')
  return { maxBytes }
}
