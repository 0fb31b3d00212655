import type { CacheSharing, MountFlag, MountType, RunMount } from '../ast.js'
import { withSuggestion } from '../suggest.js'
import { quote } from '../text.js'
import { invalid } from './checks.js'
import { csvFields, splitField } from './csv.js'
import type { Expander } from './definition.js'
import { parseBoolean } from './flags.js'
import { parseSize } from './size.js'

const types: readonly MountType[] = ['bind', 'cache', 'tmpfs', 'secret', 'ssh']
const sharings: readonly CacheSharing[] = ['shared', 'private', 'locked']
const keys = [
  'type', 'from', 'source', 'target', 'readonly', 'id', 'sharing', 'required', 'size', 'mode', 'uid', 'gid', 'src',
  'dst', 'destination', 'ro', 'rw', 'readwrite', 'env',
] // biome-ignore format: one list

/** A mount being read. */
type Draft = { -readonly [Key in keyof RunMount]?: RunMount[Key] | undefined } & { type: MountType }

/** What is known of `--mount=` before its variables are.
 * @throws {ParseError} `INSTRUCTION_INVALID` for a variable in `from`, which decides what the stage depends on */
export function mountFlag(text: string): MountFlag {
  let from: string | undefined
  for (const field of csvFields(text)) {
    const { key, value } = splitField(field)
    if (key !== 'from' || value === undefined) continue
    if (/\$./s.test(value)) invalid("'from' doesn't support variable expansion, define alias stage instead")
    from = value
  }
  return { text, ...(from ? { from } : {}) }
}

/** Reads `--mount=` with its variables expanded.
 * @throws {ParseError} `INSTRUCTION_INVALID`, `EXPANSION_FAILED` */
export function parseMount(text: string, expander: Pick<Expander, 'word'>): RunMount {
  const mount: Draft = { type: 'bind' }
  for (const field of csvFields(text)) {
    const { key, value } = splitField(field)
    if (value === undefined) setBare(mount, key, field)
    else setValue(mount, key, expander.word(value), field)
  }
  check(mount)
  const { readonly, required, ...rest } = mount
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined && value !== ''))
  return {
    ...(given as Omit<RunMount, 'readonly' | 'required'>),
    readonly: readonly ?? (mount.type !== 'cache' && mount.type !== 'tmpfs'),
    required: required ?? false,
  }
}

function setBare(mount: Draft, key: string, field: string): void {
  if (key === 'readonly' || key === 'ro') mount.readonly = true
  else if (key === 'readwrite' || key === 'rw') mount.readonly = false
  else if (key === 'required') {
    onlyFor(mount, key, ['secret', 'ssh'])
    mount.required = true
  } else invalid(`invalid field '${field}' must be a key=value pair`)
}

function setValue(mount: Draft, key: string, value: string, field: string): void {
  switch (key) {
    case 'type':
      mount.type =
        types.find((type) => type === value.toLowerCase()) ??
        invalid(withSuggestion(`unsupported mount type ${quote(value)}`, value, types))
      return
    case 'from':
    case 'source':
    case 'target':
    case 'id':
    case 'env':
      mount[key] = value
      return
    case 'src':
      mount.source = value
      return
    case 'dst':
    case 'destination':
      mount.target = value
      return
    case 'readonly':
    case 'ro':
      mount.readonly = booleanOf(key, value)
      return
    case 'readwrite':
    case 'rw':
      mount.readonly = !booleanOf(key, value)
      return
    case 'required':
      onlyFor(mount, key, ['secret', 'ssh'])
      mount.required = booleanOf(key, value)
      return
    case 'size':
      onlyFor(mount, key, ['tmpfs'])
      mount.sizeBytes = parseSize(value) ?? invalid(`invalid value for ${key}: ${value}`)
      return
    case 'sharing':
      mount.sharing =
        sharings.find((sharing) => sharing === value.toLowerCase()) ??
        invalid(withSuggestion(`unsupported sharing value ${quote(value)}`, value, sharings))
      return
    case 'mode':
      mount.mode = numberOf(key, value, 8)
      return
    case 'uid':
    case 'gid':
      mount[key] = numberOf(key, value, 10)
      return
    default:
      invalid(withSuggestion(`unexpected key '${key}' in '${field}'`, key, keys))
  }
}

function onlyFor(mount: Draft, key: string, allowed: readonly MountType[]): void {
  if (!allowed.includes(mount.type)) invalid(`unexpected key '${key}' for mount type '${mount.type}'`)
}

function booleanOf(key: string, value: string): boolean {
  return parseBoolean(value) ?? invalid(`invalid value for ${key}: ${value}`)
}

function numberOf(key: string, value: string, base: 8 | 10): number {
  const number = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(value) ? Number.parseInt(value, base) : Number.NaN
  return number <= 0xffff_ffff ? number : invalid(`invalid value ${value} for ${key}`)
}

function check(mount: Draft): void {
  const { type } = mount
  if (type === 'bind' || type === 'tmpfs') {
    for (const key of ['mode', 'uid', 'gid'] as const) {
      if (mount[key] !== undefined) invalid(`${key} not allowed for ${quote(type)} type mounts`)
    }
  }
  if (mount.sharing !== undefined && type !== 'cache') invalid(`invalid cache sharing set for ${type} mount`)
  if (type !== 'secret') return
  if (mount.from) invalid('secret mount should not have a from')
  if (!mount.source && !mount.target && !mount.id) invalid('invalid secret mount. one of source, target required')
  if (mount.source && mount.id) invalid("both source and id can't be set")
}
