import type { BuildOptions } from '@tsbuild/core'
import { badFlag } from '../errors.js'

type Annotation = NonNullable<BuildOptions['annotations']>[number]
type Place = NonNullable<Annotation['on']>

const places: readonly Place[] = ['manifest', 'manifest-descriptor', 'index', 'index-descriptor']
const hint = `Places: ${places.join(', ')}; e.g. index:title=x or manifest[linux/arm64]:title=x`

/** Reads `--annotation key=value`, with places and a colon in front: `manifest,index:key=value`, `manifest[linux/amd64]:key=value`.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function readAnnotations(texts: readonly string[]): Annotation[] {
  return texts.flatMap(readAnnotation)
}

function readAnnotation(text: string): Annotation[] {
  const [, name = '', value] = /^([^=]*)=(.*)$/s.exec(text) ?? []
  if (value === undefined) throw badFlag('--annotation', text, 'not key=value', hint)
  const colon = name.indexOf(':')
  const key = name.slice(colon + 1)
  if (key === '') throw badFlag('--annotation', text, 'it has no key', hint)
  if (colon < 0) return [{ key, value }]
  return name
    .slice(0, colon)
    .split(',')
    .map((place) => ({ key, value, ...readPlace('--annotation', text, place) }))
}

/** Reads a key of `--output` that names an annotation: `annotation.KEY`, `annotation-index.KEY`, `annotation-manifest[PLATFORM].KEY`.
 * @returns undefined for other keys
 * @throws {CliError} `ARGUMENT_INVALID` */
export function readAnnotationKey(output: string, member: string, value: string): Annotation | undefined {
  const match = /^annotation(?:-([^.[\]]*))?(\[[^\]]*\])?\.(.+)$/s.exec(member)
  if (match === null) return undefined
  const [, place, platform = '', key = ''] = match
  return { key, value, ...readPlace('--output', output, `${place ?? 'manifest'}${platform}`) }
}

function readPlace(flag: string, text: string, written: string): Pick<Annotation, 'on' | 'platform'> {
  const [, name = written, platform] = /^([^[\]]*)\[([^\]]*)\]$/.exec(written) ?? []
  const on = places.find((place) => place === name)
  if (on === undefined) throw badFlag(flag, text, `"${name}" can't be annotated`, hint)
  if (platform === undefined) return { on }
  if (!/^[A-Za-z0-9_./-]+$/.test(platform)) throw badFlag(flag, text, `"${platform}" is no platform`, hint)
  return { on, platform }
}
