import { readFileSync } from 'node:fs'
import { parseCsv } from '../csv.js'
import { badFlag, type CliError } from '../errors.js'
import type { Io } from '../io.js'

/** Reads what `--secret` names: `id=…` with `src=FILE` or `env=NAME`; an id alone is a variable of the environment, else a file.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function readSecrets(texts: readonly string[], env: Io['env']): Record<string, Uint8Array> {
  return Object.fromEntries(texts.map((text) => readSecret(text, env)))
}

function readSecret(text: string, env: Io['env']): [id: string, data: Uint8Array] {
  const { id, type, src, variable } = parse(text)
  if (src !== undefined) return [id, readFile(text, src)]
  const name = variable ?? id
  const value = type === 'file' ? undefined : env[name]
  if (value !== undefined) return [id, Buffer.from(value)]
  if (variable !== undefined || type === 'env') throw bad(text, `the environment has no "${name}"`)
  return [id, readFile(text, id)]
}

interface SecretSpec {
  readonly id: string
  readonly type?: string
  readonly src?: string
  readonly variable?: string
}

function parse(text: string): SecretSpec {
  const fields = parseCsv(text)
  if (fields === undefined) throw bad(text, 'its quotes do not match up')
  const members = new Map<string, string>()
  for (const field of fields) {
    const equals = field.indexOf('=')
    const key = field.slice(0, equals).trim().toLowerCase()
    if (equals < 0) throw bad(text, `"${field}" is not key=value`)
    if (!['id', 'type', 'src', 'source', 'env'].includes(key)) throw bad(text, `it has no key "${key}"`)
    members.set(key === 'source' ? 'src' : key, field.slice(equals + 1))
  }
  const id = members.get('id') ?? ''
  const type = members.get('type')
  if (id === '') throw bad(text, 'it has no id')
  if (type !== undefined && type !== 'file' && type !== 'env') throw bad(text, `type "${type}" is unknown`)
  const given = members.get('src')
  const variable = members.get('env') ?? (type === 'env' ? given : undefined)
  const src = type === 'env' ? undefined : given
  return {
    id,
    ...(type === undefined ? {} : { type }),
    ...(src === undefined ? {} : { src }),
    ...(variable === undefined ? {} : { variable }),
  }
}

function readFile(text: string, path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw bad(text, `its file can't be read: ${(cause as Error).message}`)
  }
}

function bad(text: string, state: string): CliError {
  return badFlag('--secret', text, state, 'e.g. id=token,src=token.txt or id=token,env=TOKEN')
}
