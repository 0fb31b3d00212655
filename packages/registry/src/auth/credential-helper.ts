import { spawn } from 'node:child_process'
import type { Credentials } from '../api.js'
import { RegistryError } from '../errors.js'
import type { Environment } from '../http/proxy.js'
import { credentialKey } from './docker-config.js'

const timeLimitMs = 30_000
const maxOutput = 64 * 1024
/** The user name under which helpers keep identity tokens. */
const tokenUser = '<token>'

/** Asks `docker-credential-<name> get` (Docker's credential helper protocol); `undefined` where it knows none.
 * @throws {RegistryError} `CREDENTIALS_FAILED` */
export async function askHelper(name: string, registry: string, env: Environment): Promise<Credentials | undefined> {
  const fail = failure(`get credentials of "${registry}" from`, name)
  const { code, output } = await run(name, 'get', credentialKey(registry), env, fail)
  if (code !== 0) {
    if (isNotFound(output)) return undefined
    throw fail(`it ended with code ${code}`)
  }
  let answer: { readonly Username?: unknown; readonly Secret?: unknown }
  try {
    answer = JSON.parse(output) as typeof answer
  } catch {
    throw fail('its answer is not valid JSON')
  }
  const { Username: username, Secret: secret } = answer ?? {}
  if (typeof username !== 'string' || typeof secret !== 'string') throw fail('its answer lacks "Username" or "Secret"')
  if (username === '' && secret === '') return undefined
  return username === tokenUser ? { identityToken: secret } : { username, password: secret }
}

/** Gives credentials to a helper to keep. @throws {RegistryError} `CREDENTIALS_FAILED` */
export async function storeInHelper(
  name: string,
  registry: string,
  credentials: Credentials,
  env: Environment,
): Promise<void> {
  const fail = failure(`keep credentials of "${registry}" in`, name)
  const [Username, Secret] =
    'password' in credentials ? [credentials.username, credentials.password] : [tokenUser, credentials.identityToken]
  const input = JSON.stringify({ ServerURL: credentialKey(registry), Username, Secret })
  const { code } = await run(name, 'store', input, env, fail)
  if (code !== 0) throw fail(`it ended with code ${code}`)
}

/** Has a helper forget credentials; resolves with whether it had any. @throws {RegistryError} `CREDENTIALS_FAILED` */
export async function eraseInHelper(name: string, registry: string, env: Environment): Promise<boolean> {
  const fail = failure(`forget credentials of "${registry}" in`, name)
  if ((await askHelper(name, registry, env)) === undefined) return false
  const { code, output } = await run(name, 'erase', credentialKey(registry), env, fail)
  if (code !== 0 && !isNotFound(output)) throw fail(`it ended with code ${code}`)
  return true
}

export function helperProgram(name: string): string {
  return `docker-credential-${name}`
}

type Fail = (why: string, details?: { readonly hint?: string; readonly cause?: unknown }) => RegistryError

/** What helpers print is never a part of a message: it may hold the secret. */
function failure(what: string, name: string): Fail {
  return (why, details = {}) =>
    new RegistryError('CREDENTIALS_FAILED', `Cannot ${what} helper "${helperProgram(name)}": ${why}`, details)
}

function isNotFound(output: string): boolean {
  return /credentials not found/i.test(output)
}

interface Ended {
  readonly code: number
  readonly output: string
}

async function run(name: string, action: string, input: string, env: Environment, fail: Fail): Promise<Ended> {
  if (!/^[\w.-]+$/.test(name)) throw fail('its name is not a program name')
  return spawnHelper(helperProgram(name), action, input, env).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT')
      throw fail('it is not on PATH', { hint: 'Install it, or remove it from the credentials file', cause })
    throw fail(cause.message, { cause })
  })
}

function spawnHelper(program: string, action: string, input: string, env: Environment): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], {
      env: env as NodeJS.ProcessEnv,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: timeLimitMs,
    })
    let output = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      output += text
      if (output.length > maxOutput) child.kill('SIGKILL')
    })
    child.stdin.on('error', () => {})
    child.once('error', reject)
    child.once('close', (code, killed) =>
      killed === null ? resolve({ code: code ?? 1, output }) : reject(new Error(`it was ended by ${killed}`)),
    )
    child.stdin.end(input)
  })
}
