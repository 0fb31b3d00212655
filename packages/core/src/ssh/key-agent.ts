import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CoreError } from '../errors.js'

/** The shell keeps the agent company until its input ends, which it also does when this process is killed. */
const script = 'echo ready; cat > /dev/null; kill "$SSH_AGENT_PID"'

/** Starts the machine's `ssh-agent` with its socket `name` in `directory`, and gives it the keys of the files; disposing it ends it.
 * @throws {CoreError} `SSH_UNAVAILABLE` */
export async function startKeyAgent(
  directory: string,
  name: string,
  keys: readonly string[],
): Promise<AsyncDisposable> {
  const agent = spawn('ssh-agent', ['-a', name, '/bin/sh', '-c', script], {
    cwd: directory,
    // Out of reach of a terminal's SIGINT, which would end the shell and not the agent.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = endOf(agent)
  const stop = async () => {
    agent.stdin.end()
    await ended
  }
  try {
    await ready(agent, ended)
    for (const key of keys) await addKey(directory, name, key)
  } catch (error) {
    await stop()
    throw error
  }
  return { [Symbol.asyncDispose]: stop }
}

/** @throws {CoreError} `SSH_UNAVAILABLE` when `ssh-agent` or `ssh-add` isn't on PATH */
export async function requireAgentPrograms(path = process.env.PATH ?? ''): Promise<void> {
  for (const program of ['ssh-agent', 'ssh-add']) {
    const places = path.split(delimiter).map((folder) => access(join(folder, program), constants.X_OK))
    await Promise.any(places).catch((cause: unknown) => {
      throw new CoreError('SSH_UNAVAILABLE', `Cannot use ssh keys: ${program} is not on PATH`, {
        cause,
        hint: 'Install the OpenSSH client, or name the socket of a running agent',
      })
    })
  }
}

type Piped = ChildProcessByStdio<Writable, Readable, Readable>

interface End {
  readonly code: number | null
  readonly said: string
}

/** How a program ended and what it said on stderr; one that can't be started ends, too. */
function endOf(child: Piped): Promise<End> {
  let said = ''
  child.stdin.on('error', () => {})
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096)
  })
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ code: null, said: message }))
    child.once('close', (code) => resolve({ code, said: said.trim() }))
  })
}

async function ready(agent: Piped, ended: Promise<End>): Promise<void> {
  const started = new Promise<undefined>((resolve) => agent.stdout.once('data', () => resolve(undefined)))
  const end = await Promise.race([started, ended])
  if (end !== undefined) throw new CoreError('SSH_UNAVAILABLE', `Cannot start ssh-agent: ${end.said}`)
}

/** The key goes through stdin: `ssh-add` refuses files that others may read, and BuildKit doesn't. */
async function addKey(directory: string, name: string, key: string): Promise<void> {
  const { SSH_ASKPASS: _, DISPLAY: __, ...env } = process.env
  const add = spawn('ssh-add', ['-q', '-'], {
    cwd: directory,
    env: { ...env, SSH_AUTH_SOCK: name, SSH_ASKPASS_REQUIRE: 'never' },
    // Without a terminal nobody is asked for a passphrase.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = endOf(add)
  add.stdout.resume()
  const unread = await pipeline(createReadStream(key), add.stdin).catch((error: NodeJS.ErrnoException) => error)
  const { code, said } = await ended
  if (code === 0 && unread === undefined) return
  const why = unread !== undefined && unread.code !== 'EPIPE' ? unread.message : said || 'ssh-add refused it'
  throw new CoreError('SSH_UNAVAILABLE', `Cannot use ssh key "${key}": ${why}`, {
    hint: 'A key with a passphrase has to be in a running agent: name its socket instead',
  })
}
