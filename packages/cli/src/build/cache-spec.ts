import type { CacheSource, CacheTarget } from '@tsbuild/core'
import { isDigest, parseReference } from '@tsbuild/spec'
import { parseCsv } from '../csv.js'
import { badFlag } from '../errors.js'
import type { Io } from '../io.js'
import { SpecMembers } from '../spec-members.js'
import { exportKeys, exportOptions, formatKeys } from './cache-export-options.js'
import { showCacheFields, showCacheText } from './cache-spec-shown.js'
import { s3Keys, s3Place } from './s3-place.js'

const example = 'type=registry,ref=registry.example/app:cache'

const importKeysOf = {
  registry: ['ref'],
  local: ['src', 'tag', 'digest'],
  s3: s3Keys,
} as const

const exportKeysOf = {
  registry: ['ref', ...formatKeys, ...exportKeys],
  local: ['dest', 'tag', ...formatKeys, ...exportKeys],
  inline: [],
  s3: [...s3Keys, 'touch_refresh', ...exportKeys],
} as const

/** Parses one value of `--cache-from`: `type=registry,ref=…` and the like, or names of images in registries, separated by commas. Of an
 * empty one nothing comes, as buildx has it. No message has a secret.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function parseCacheFrom(text: string, env: Io['env']): CacheSource[] {
  const flag = '--cache-from'
  const { fields, shown } = split(flag, text)
  if (!text.includes('=')) return fields.map((ref) => ({ type: 'registry', ref: checkRef(flag, shown, ref) }))
  const members = new SpecMembers(fields, { flag, shown })
  if (members.get('type') === 'inline')
    throw members.bad('an inline cache has no place of its own', 'Name the image that has it: type=registry,ref=IMAGE')
  const type = members.type(importKeysOf, example)
  members.limitTo(type, importKeysOf[type])
  switch (type) {
    case 'registry':
      return [{ type, ref: checkRef(flag, shown, needed(members, type, 'ref')) }]
    case 'local':
      return [{ type, src: needed(members, type, 'src'), ...tag(members), ...digest(members) }]
    case 's3':
      return [s3Place(members, env)]
  }
}

/** Parses one value of `--cache-to`, see {@link parseCacheFrom}. The word `required` stands for `ignore-error=false`.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function parseCacheTo(text: string, env: Io['env']): CacheTarget[] {
  const flag = '--cache-to'
  const { fields, shown } = split(flag, text, 'required')
  if (!text.includes('=')) return shorthandTargets(flag, fields, shown)
  const members = new SpecMembers(
    fields.map((field) => (field === 'required' ? 'required=true' : field)),
    { flag, shown },
  )
  const type = members.type(exportKeysOf, example)
  members.limitTo(type, exportKeysOf[type])
  switch (type) {
    case 'registry':
      return [{ type, ref: checkTarget(flag, shown, needed(members, type, 'ref')), ...exportOptions(members) }]
    case 'local':
      return [{ type, dest: needed(members, type, 'dest'), ...tag(members), ...exportOptions(members) }]
    case 's3':
      return [{ ...s3Place(members, env), ...exportOptions(members) }]
    case 'inline':
      return [{ type }]
  }
}

/** @param word one that may stand without a value */
function split(flag: string, text: string, word?: string): { fields: readonly string[]; shown: string } {
  if (text === '') return { fields: [], shown: '' }
  const fields = parseCsv(text)
  if (fields === undefined) throw badFlag(flag, showCacheText(text), 'its quotes do not match up')
  const shown = showCacheFields(fields)
  const bare = fields.findIndex((field) => !field.includes('=') && field !== word)
  if (bare >= 0 && text.includes('='))
    throw badFlag(flag, shown.join(), `"${shown[bare]}" is not key=value`, `e.g. ${example}`)
  return { fields, shown: shown.join() }
}

/** `user/app:cache`, and `required` behind it. */
function shorthandTargets(flag: string, fields: readonly string[], shown: string): CacheTarget[] {
  const isWord = (field: string, index: number) => index > 0 && field === 'required'
  const required = fields.some(isWord) ? { required: true } : {}
  const refs = fields.filter((field, index) => !isWord(field, index))
  return refs.map((ref) => ({ type: 'registry', ref: checkTarget(flag, shown, ref), ...required }))
}

function needed(members: SpecMembers, type: string, key: string): string {
  const value = members.get(key) ?? ''
  if (value === '') throw members.bad(`type=${type} needs ${key}=…`)
  return value
}

function checkRef(flag: string, shown: string, ref: string): string {
  reference(flag, shown, ref)
  return ref
}

function checkTarget(flag: string, shown: string, ref: string): string {
  if (reference(flag, shown, ref).digest === undefined) return ref
  throw badFlag(flag, shown, 'its ref has a digest, which nothing can be written to', 'Name a tag')
}

function reference(flag: string, shown: string, ref: string) {
  try {
    return parseReference(ref)
  } catch (cause) {
    throw badFlag(flag, shown, (cause as Error).message.replace(/^Cannot parse image name "[^"]*": /, 'its ref: '))
  }
}

function tag(members: SpecMembers): { readonly tag?: string } {
  const value = members.get('tag')
  if (value === '') throw members.bad('tag is empty')
  return value === undefined ? {} : { tag: value }
}

function digest(members: SpecMembers): Pick<Extract<CacheSource, { type: 'local' }>, 'digest'> {
  const value = members.get('digest')
  if (value === undefined) return {}
  if (!isDigest(value)) throw members.bad(`digest "${value}" is not sha256:<64 hex digits>`)
  return { digest: value }
}
