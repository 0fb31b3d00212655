import { spawn } from 'node:child_process'
import type { Credentials } from '../api.js'
import { RegistryError } from '../errors.js'
import type { Environment } from '../http/proxy.js'
import { credentialKey } from './docker-config.js'

const timeLimitMs = 30_000
const maxOutput = 64 * 1024

/** Asks `docker-credential-<name> get` (Docker's credential helper protocol); `undefined` where it knows none.
 * @throws {RegistryError} `CREDENTIALS_FAILED` */
export async function askHelper(name: string, registry: string, env: Environment): Promise<Credentials | undefined> {
  const fail = (why: string, details: { readonly hint?: string; readonly cause?: unknown } = {}) =>
    new RegistryError(
      'CREDENTIALS_FAILED',
      `Cannot get credentials of "${registry}" from helper "docker-credential-${name}": ${why}`,
      details,
    )
  if (!/^[\w.-]+$/.test(name)) throw fail('its name is not a program name')
  const { code, output } = await run(`docker-credential-${name}`, credentialKey(registry), env).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT')
        throw fail('it is not on PATH', { hint: 'Install it, or remove it from the credentials file', cause })
      throw fail(cause.message, { cause })
    },
  )
  if (code !== 0) {
    if (/credentials not found/i.test(output)) return undefined
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
  return username === '<token>' ? { identityToken: secret } : { username, password: secret }
}

function run(
  program: string,
  input: string,
  env: Environment,
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
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
