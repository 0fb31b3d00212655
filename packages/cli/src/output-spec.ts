import type { BuildOptions } from '@tsbuild/core'
import { readAnnotationKey } from './build/annotations.js'
import { parseCsv } from './csv.js'
import { badFlag } from './errors.js'
import { type CompressionMembers, compressionMembers, SpecMembers } from './spec-members.js'

/** `-o` as it was asked for. `dest` of `-` is standard output. */
export interface OutputSpec extends CompressionMembers {
  readonly type: 'image' | 'oci' | 'docker' | 'registry' | 'local' | 'tar' | 'cacheonly'
  readonly dest?: string
  readonly names?: readonly string[]
  readonly push?: boolean
  readonly tar?: boolean
  readonly mediaTypes?: 'oci' | 'docker'
  readonly rewriteTimestamp?: boolean
  /** `null` where it is empty: files keep their times, whatever the build says. */
  readonly sourceDateEpoch?: number | null
  readonly annotations?: NonNullable<BuildOptions['annotations']>
}

type OutputType = OutputSpec['type']

const flag = '--output'

const imageKeys = [
  'name',
  'compression',
  'compression-level',
  'force-compression',
  'oci-mediatypes',
  'rewrite-timestamp',
  'source-date-epoch',
  'annotation.KEY',
]

const keysOf: Record<OutputType, readonly string[]> = {
  image: ['push', ...imageKeys],
  oci: ['dest', 'tar', ...imageKeys],
  docker: ['dest', 'name', 'rewrite-timestamp', 'source-date-epoch'],
  registry: imageKeys,
  local: ['dest'],
  tar: ['dest', 'source-date-epoch'],
  cacheonly: [],
}

/** Parses the value of `-o`: `type=oci,dest=x.tar`, a directory, or `-` for a tar on standard output.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function parseOutput(text: string): OutputSpec {
  if (text === '-') return { type: 'tar', dest: '-' }
  const fields = parseCsv(text)
  if (fields === undefined) throw badFlag(flag, text, 'its quotes do not match up')
  const [only = ''] = fields
  if (fields.length === 1 && !only.includes('=')) {
    if (only === '') throw badFlag(flag, text, 'it is empty')
    return { type: 'local', dest: only }
  }
  return readSpec(text, fields)
}

function readSpec(text: string, fields: readonly string[]): OutputSpec {
  const annotations: NonNullable<BuildOptions['annotations']>[number][] = []
  const takes = (key: string, value: string) => {
    const annotation = readAnnotationKey(text, key, value)
    if (annotation !== undefined) annotations.push(annotation)
    return annotation !== undefined
  }
  const members = new SpecMembers(fields, { flag, shown: text, takes })
  const type = members.type(keysOf, 'type=oci,dest=image.tar')
  const known = keysOf[type]
  if (annotations.length > 0 && !known.includes('annotation.KEY'))
    throw members.bad(`type=${type} has no annotations`, `Known keys: ${known.join(', ')}`)
  members.limitTo(type, known)
  const names = members
    .get('name')
    ?.split(',')
    .filter((name) => name !== '')
  const push = members.flag('push')
  const oci = members.flag('oci-mediatypes')
  return {
    type,
    ...place(members, type),
    ...(names === undefined ? {} : { names }),
    ...(push === undefined ? {} : { push }),
    ...compressionMembers(members),
    ...(oci === undefined ? {} : { mediaTypes: oci ? 'oci' : 'docker' }),
    ...times(members),
    ...(annotations.length === 0 ? {} : { annotations }),
  }
}

function place(members: SpecMembers, type: OutputType): Pick<OutputSpec, 'dest' | 'tar'> {
  const dest = members.get('dest')
  if (dest === '') throw members.bad('dest is empty')
  if (type === 'local' && (dest === undefined || dest === '-')) throw members.bad('type=local needs dest=DIRECTORY')
  const tar = members.flag('tar')
  if (tar === false && (dest === undefined || dest === '-')) throw members.bad('tar=false needs dest=DIRECTORY')
  return { ...(dest === undefined ? {} : { dest }), ...(tar === undefined ? {} : { tar }) }
}

function times(members: SpecMembers): Pick<OutputSpec, 'rewriteTimestamp' | 'sourceDateEpoch'> {
  const rewriteTimestamp = members.flag('rewrite-timestamp')
  const sourceDateEpoch = members.get('source-date-epoch') === '' ? null : members.number('source-date-epoch')
  return {
    ...(rewriteTimestamp === undefined ? {} : { rewriteTimestamp }),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  }
}
