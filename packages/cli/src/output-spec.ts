import { parseBoolean } from './booleans.js'
import { parseCsv } from './csv.js'
import { badFlag, type CliError } from './errors.js'

/** `-o` as it was asked for. `dest` of `-` is standard output. */
export interface OutputSpec {
  readonly type: 'image' | 'oci' | 'docker' | 'registry' | 'local' | 'tar'
  readonly dest?: string
  readonly names?: readonly string[]
  readonly push?: boolean
  readonly tar?: boolean
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed'
  readonly rewriteTimestamp?: boolean
}

type OutputType = OutputSpec['type']

const keysOf: Record<OutputType, readonly string[]> = {
  image: ['name', 'push', 'rewrite-timestamp'],
  oci: ['dest', 'tar', 'compression', 'rewrite-timestamp'],
  docker: ['dest', 'rewrite-timestamp'],
  registry: ['name', 'rewrite-timestamp'],
  local: ['dest'],
  tar: ['dest'],
}

/** Parses the value of `-o`: `type=oci,dest=x.tar`, a directory, or `-` for a tar on standard output.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function parseOutput(text: string): OutputSpec {
  if (text === '-') return { type: 'tar', dest: '-' }
  const fields = parseCsv(text)
  if (fields === undefined) throw bad(text, 'its quotes do not match up')
  const [only = ''] = fields
  if (fields.length === 1 && !only.includes('=')) {
    if (only === '') throw bad(text, 'it is empty')
    return { type: 'local', dest: only }
  }
  const members = new Map<string, string>()
  for (const field of fields) {
    const equals = field.indexOf('=')
    if (equals < 0) throw bad(text, `"${field}" is not key=value`)
    members.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1))
  }
  return build(text, members)
}

function build(text: string, members: ReadonlyMap<string, string>): OutputSpec {
  const type = members.get('type')
  if (type === undefined) throw bad(text, 'it has no type', 'Name one, e.g. type=oci,dest=image.tar')
  if (!isType(type)) throw bad(text, `type "${type}" is unknown`, `Known types: ${Object.keys(keysOf).join(', ')}`)
  for (const key of members.keys()) {
    if (key === 'type' || keysOf[type].includes(key)) continue
    throw bad(text, `type=${type} has no key "${key}"`, `Known keys: ${keysOf[type].join(', ')}`)
  }
  const dest = members.get('dest')
  if (dest === '') throw bad(text, 'dest is empty')
  if (type === 'local' && (dest === undefined || dest === '-')) throw bad(text, 'type=local needs dest=DIRECTORY')
  const tar = flag(members, 'tar')
  if (tar === false && (dest === undefined || dest === '-')) throw bad(text, 'tar=false needs dest=DIRECTORY')
  const names = members
    .get('name')
    ?.split(',')
    .filter((name) => name !== '')
  const push = flag(members, 'push')
  const rewriteTimestamp = flag(members, 'rewrite-timestamp')
  return {
    type,
    ...(dest === undefined ? {} : { dest }),
    ...(names === undefined ? {} : { names }),
    ...(push === undefined ? {} : { push }),
    ...(tar === undefined ? {} : { tar }),
    ...compressionOf(text, members.get('compression')),
    ...(rewriteTimestamp === undefined ? {} : { rewriteTimestamp }),
  }
}

function compressionOf(text: string, value: string | undefined): Pick<OutputSpec, 'compression'> {
  if (value === undefined) return {}
  if (value === 'gzip' || value === 'zstd' || value === 'uncompressed') return { compression: value }
  throw bad(text, `compression "${value}" is unknown`, 'Known: gzip, zstd, uncompressed')
}

function isType(value: string): value is OutputType {
  return Object.hasOwn(keysOf, value)
}

function flag(members: ReadonlyMap<string, string>, key: string): boolean | undefined {
  const value = members.get(key)
  return value === undefined ? undefined : parseBoolean(`--output ${key}`, value)
}

function bad(text: string, state: string, hint?: string): CliError {
  return badFlag('--output', text, state, hint)
}
