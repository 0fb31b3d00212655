import { existsSync, statSync } from 'node:fs'
import type { SshSource } from '@tsbuild/core'
import { badFlag, type CliError } from '../errors.js'
import type { Io } from '../io.js'

/** Reads what `--ssh` names: `id` is the agent of `$SSH_AUTH_SOCK`, `id=PATH` an agent's socket or a key file, `id=PATH,PATH` key files.
 * For a context that is fetched by ssh the agent that runs is taken without being named, as buildx does.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function readSsh(texts: readonly string[], env: Io['env'], context: string): Record<string, SshSource> {
  if (texts.length === 0 && isFetchedBySsh(context) && env.SSH_AUTH_SOCK)
    return { default: { socket: env.SSH_AUTH_SOCK } }
  return Object.fromEntries(texts.map((text) => readSource(text, env)))
}

/** `ssh://…`, or `user@host:path` where no such path is there. */
function isFetchedBySsh(context: string): boolean {
  if (/^ssh:\/\//i.test(context)) return true
  return /^[A-Za-z0-9_-]+@[A-Za-z0-9._-]+:[^?#]+/.test(context) && !existsSync(context)
}

function readSource(text: string, env: Io['env']): [id: string, source: SshSource] {
  const equals = text.indexOf('=')
  const id = equals < 0 ? text : text.slice(0, equals)
  if (id === '') throw bad(text, 'it has no id')
  const paths = equals < 0 ? [] : text.slice(equals + 1).split(',')
  if (paths.length === 0) {
    const socket = env.SSH_AUTH_SOCK
    if (socket === undefined || socket === '') throw bad(text, 'SSH_AUTH_SOCK is not set, so no agent runs')
    return [id, { socket }]
  }
  const sockets = paths.filter((path) => isSocket(text, path))
  if (sockets.length === 0) return [id, { keys: paths }]
  if (paths.length > 1) throw bad(text, `"${sockets[0]}" is a socket, beside which nothing else can stand`)
  return [id, { socket: sockets[0] ?? '' }]
}

function isSocket(text: string, path: string): boolean {
  if (path === '') throw bad(text, 'one of its paths is empty')
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) throw new Error(`"${path}" is a directory`)
    return stat.isSocket()
  } catch (cause) {
    throw bad(text, (cause as Error).message)
  }
}

function bad(text: string, state: string): CliError {
  return badFlag('--ssh', text, state, 'e.g. default, or default=/home/me/.ssh/id_ed25519')
}
