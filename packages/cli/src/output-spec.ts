import type { BuildOptions } from '@tsbuild/core'
import { parseBoolean } from './booleans.js'
import { readAnnotationKey } from './build/annotations.js'
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
  readonly compressionLevel?: number
  readonly forceCompression?: boolean
  readonly mediaTypes?: 'oci' | 'docker'
  readonly rewriteTimestamp?: boolean
  /** `null` where it is empty: files keep their times, whatever the build says. */
  readonly sourceDateEpoch?: number | null
  readonly annotations?: NonNullable<BuildOptions['annotations']>
}

type OutputType = OutputSpec['type']

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
  return new SpecReader(text, fields).read()
}

class SpecReader {
  readonly #text: string
  readonly #members = new Map<string, string>()
  readonly #annotations: NonNullable<BuildOptions['annotations']>[number][] = []

  constructor(text: string, fields: readonly string[]) {
    this.#text = text
    for (const field of fields) {
      const equals = field.indexOf('=')
      if (equals < 0) throw bad(text, `"${field}" is not key=value`)
      const key = field.slice(0, equals).trim()
      const value = field.slice(equals + 1)
      const annotation = readAnnotationKey(text, key, value)
      if (annotation === undefined) this.#members.set(key.toLowerCase(), value)
      else this.#annotations.push(annotation)
    }
  }

  read(): OutputSpec {
    const type = this.#type()
    const dest = this.#members.get('dest')
    if (dest === '') throw bad(this.#text, 'dest is empty')
    if (type === 'local' && (dest === undefined || dest === '-'))
      throw bad(this.#text, 'type=local needs dest=DIRECTORY')
    const tar = this.#flag('tar')
    if (tar === false && (dest === undefined || dest === '-')) throw bad(this.#text, 'tar=false needs dest=DIRECTORY')
    const names = this.#names()
    const push = this.#flag('push')
    return {
      type,
      ...(dest === undefined ? {} : { dest }),
      ...(names === undefined ? {} : { names }),
      ...(push === undefined ? {} : { push }),
      ...(tar === undefined ? {} : { tar }),
      ...this.#layers(),
      ...this.#times(),
      ...(this.#annotations.length === 0 ? {} : { annotations: this.#annotations }),
    }
  }

  #type(): OutputType {
    const type = this.#members.get('type')
    if (type === undefined) throw bad(this.#text, 'it has no type', 'Name one, e.g. type=oci,dest=image.tar')
    if (!isType(type))
      throw bad(this.#text, `type "${type}" is unknown`, `Known types: ${Object.keys(keysOf).join(', ')}`)
    const known = keysOf[type]
    const [annotation] = this.#annotations
    if (annotation !== undefined && !known.includes('annotation.KEY'))
      throw bad(this.#text, `type=${type} has no annotations`, `Known keys: ${known.join(', ')}`)
    for (const key of this.#members.keys()) {
      if (key === 'type' || known.includes(key)) continue
      throw bad(this.#text, `type=${type} has no key "${key}"`, `Known keys: ${known.join(', ')}`)
    }
    return type
  }

  #names(): readonly string[] | undefined {
    return this.#members
      .get('name')
      ?.split(',')
      .filter((name) => name !== '')
  }

  #layers(): Pick<OutputSpec, 'compression' | 'compressionLevel' | 'forceCompression' | 'mediaTypes'> {
    const compression = this.#members.get('compression')
    const level = this.#number('compression-level')
    const force = this.#flag('force-compression')
    const oci = this.#flag('oci-mediatypes')
    return {
      ...(compression === undefined ? {} : { compression: this.#compression(compression) }),
      ...(level === undefined ? {} : { compressionLevel: level }),
      ...(force === undefined ? {} : { forceCompression: force }),
      ...(oci === undefined ? {} : { mediaTypes: oci ? 'oci' : 'docker' }),
    }
  }

  #compression(value: string): NonNullable<OutputSpec['compression']> {
    if (value === 'gzip' || value === 'zstd' || value === 'uncompressed') return value
    throw bad(this.#text, `compression "${value}" is unknown`, 'Known: gzip, zstd, uncompressed')
  }

  #times(): Pick<OutputSpec, 'rewriteTimestamp' | 'sourceDateEpoch'> {
    const rewriteTimestamp = this.#flag('rewrite-timestamp')
    const sourceDateEpoch = this.#members.get('source-date-epoch') === '' ? null : this.#number('source-date-epoch')
    return {
      ...(rewriteTimestamp === undefined ? {} : { rewriteTimestamp }),
      ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    }
  }

  #flag(key: string): boolean | undefined {
    const value = this.#members.get(key)
    return value === undefined ? undefined : parseBoolean(`--output ${key}`, value)
  }

  #number(key: string): number | undefined {
    const value = this.#members.get(key)
    if (value === undefined) return undefined
    if (/^\d{1,15}$/.test(value)) return Number(value)
    throw bad(this.#text, `${key} "${value}" is not a whole number`)
  }
}

function isType(value: string): value is OutputType {
  return Object.hasOwn(keysOf, value)
}

function bad(text: string, state: string, hint?: string): CliError {
  return badFlag('--output', text, state, hint)
}
