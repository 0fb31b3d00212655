import type { ContainerOptions } from '@tsbuild/core'
import { parseCsv } from '../csv.js'
import { badFlag, type CliError } from '../errors.js'
import { parseBytes } from '../format/size.js'

export type ContainerMount = NonNullable<ContainerOptions['mounts']>[number]
type TmpfsOption = NonNullable<Extract<ContainerMount, { kind: 'tmpfs' }>['options']>[number]

const volumeHint = 'SOURCE:TARGET[:ro], both absolute paths; there are no named volumes'

/** Reads `-v SOURCE:TARGET[:ro|rw]`. A missing source becomes a directory. @throws {CliError} `ARGUMENT_INVALID` */
export function readVolume(text: string): ContainerMount {
  const [source = '', target, options = 'rw', ...rest] = text.split(':')
  if (target === undefined) throw badFlag('--volume', text, 'it has no target', volumeHint)
  if (rest.length > 0) throw badFlag('--volume', text, 'it has too many parts', volumeHint)
  if (!source.startsWith('/')) throw badFlag('--volume', text, `"${source}" is not an absolute path`, volumeHint)
  if (!target.startsWith('/')) throw badFlag('--volume', text, `"${target}" is not an absolute path`, volumeHint)
  let readonly = false
  for (const option of options.split(',')) {
    if (option === 'ro') readonly = true
    else if (option !== 'rw') throw badFlag('--volume', text, `there is no option "${option}"`, 'ro or rw')
  }
  return { kind: 'bind', source, target, readonly, create: true }
}

/** Reads `--tmpfs PATH[:size=64m,mode=1777,ro,noexec,…]`, with Docker's defaults. @throws {CliError} `ARGUMENT_INVALID` */
export function readTmpfs(text: string): ContainerMount {
  const colon = text.indexOf(':')
  const target = colon < 0 ? text : text.slice(0, colon)
  const flags = new Set<TmpfsOption>(['nosuid', 'nodev', 'noexec'])
  let more = {}
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const [, key, value = ''] = /^([a-z]+)(?:=(.*))?$/.exec(option) ?? []
    if (key === 'ro' || key === 'nosuid' || key === 'nodev' || key === 'noexec') flags.add(key)
    else if (key === 'exec') flags.delete('noexec')
    else if (key === 'dev') flags.delete('nodev')
    else if (key === 'rw' || key === 'suid') continue
    else if (key === 'size') more = { ...more, sizeBytes: tmpfsSize('--tmpfs', text, value) }
    else if (key === 'mode') more = { ...more, mode: tmpfsMode('--tmpfs', text, value) }
    else throw badFlag('--tmpfs', text, `there is no option "${option}"`, 'size, mode, ro, noexec, nodev, nosuid')
  }
  return { kind: 'tmpfs', target, options: [...flags], ...more }
}

function tmpfsSize(flag: string, text: string, value: string): number {
  const bytes = parseBytes(value)
  if (bytes === undefined) throw badFlag(flag, text, `"${value}" is not a size`, 'e.g. size=64m')
  return bytes
}

function tmpfsMode(flag: string, text: string, value: string): number {
  if (!/^[0-7]{1,4}$/.test(value)) throw badFlag(flag, text, `"${value}" is not a mode`, 'e.g. mode=1777')
  return Number.parseInt(value, 8)
}

const keys: Readonly<Record<string, string>> = {
  type: 'type',
  source: 'source',
  src: 'source',
  target: 'target',
  dst: 'target',
  destination: 'target',
  readonly: 'readonly',
  ro: 'readonly',
  'tmpfs-size': 'size',
  'tmpfs-mode': 'mode',
}

/** Reads `--mount type=bind|tmpfs,…`. A missing source is an error. @throws {CliError} `ARGUMENT_INVALID` */
export function readMount(text: string): ContainerMount {
  const members = mountMembers(text)
  const { type = '', source, target, readonly, size, mode } = members
  if (type !== 'bind' && type !== 'tmpfs') {
    throw mountError(text, type === '' ? 'it has no type' : `type "${type}" is not there`, 'type=bind or type=tmpfs')
  }
  if (target === undefined) throw mountError(text, 'it has no target')
  if (type === 'bind') {
    if (source === undefined) throw mountError(text, 'it has no source')
    if (size !== undefined || mode !== undefined) throw mountError(text, 'a bind has no size or mode')
    return { kind: 'bind', source, target, readonly: isOn(text, readonly) }
  }
  if (source !== undefined) throw mountError(text, 'a tmpfs has no source')
  return {
    kind: 'tmpfs',
    target,
    options: ['nosuid', 'nodev', 'noexec', ...(isOn(text, readonly) ? (['ro'] as const) : [])],
    ...(size === undefined ? {} : { sizeBytes: tmpfsSize('--mount', text, size) }),
    ...(mode === undefined ? {} : { mode: tmpfsMode('--mount', text, mode) }),
  }
}

function mountMembers(text: string): Record<string, string> {
  const fields = parseCsv(text)
  if (fields === undefined) throw mountError(text, 'its quotes do not match up')
  const out: Record<string, string> = {}
  for (const field of fields) {
    const equals = field.indexOf('=')
    const given = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase()
    const key = Object.hasOwn(keys, given) ? keys[given] : undefined
    if (key === undefined) throw mountError(text, `it has no key "${given}"`, Object.keys(keys).join(', '))
    if (equals < 0 && key !== 'readonly') throw mountError(text, `"${field}" is not key=value`)
    out[key] = equals < 0 ? 'true' : field.slice(equals + 1)
  }
  return out
}

function isOn(text: string, value = 'false'): boolean {
  if (/^(1|true)$/i.test(value)) return true
  if (/^(0|false)$/i.test(value)) return false
  throw mountError(text, `readonly "${value}" is not true or false`)
}

function mountError(text: string, state: string, hint = 'e.g. type=bind,source=/data,target=/data,readonly'): CliError {
  return badFlag('--mount', text, state, hint)
}
