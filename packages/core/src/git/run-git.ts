import type { ChildProcess } from 'node:child_process'
import { CoreError } from '../errors.js'
import type { GitSource } from './git-url.js'

export interface GitCall {
  /** The repository, for messages. */
  readonly source: Pick<GitSource, 'name'>
  readonly cwd: string
  /** Transports that git may use for this call. Default: none. */
  readonly protocols?: readonly string[]
  /** Further configuration, also for the git programs that git starts; in the environment, where only the same user can read it. */
  readonly config?: readonly (readonly [key: string, value: string])[]
  readonly signal?: AbortSignal | undefined
}

/** Transports of remote repositories and of their submodules. */
export const remoteProtocols = ['https', 'http', 'git', 'ssh'] as const

const maxOutput = 16 << 20
const killAfterMs = 2000

/** Variables of this process that git gets, too. */
const passedOn = [
  ...['PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'GIT_SSL_CAINFO'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
]

/** Neither the machine's nor the user's configuration decides what a build gets, and nothing of a repository is run. */
const settings: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.logAllRefUpdates', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['advice.detachedHead', 'false'],
  ['init.defaultBranch', 'master'],
]

/** Runs git and gives what it printed. An abort ends it together with all that it started.
 * @throws {CoreError} `DOWNLOAD_FAILED` with the line in which git says why */
export async function runGit(args: readonly string[], call: GitCall): Promise<string> {
  const { signal, source, cwd } = call
  const { spawn } = await import('node:child_process')
  signal?.throwIfAborted()
  return await new Promise((resolve, reject) => {
    // The files of a checkout must not depend on this process's umask, which threads share.
    const child = spawn('/bin/sh', ['-c', 'umask 022; exec git "$@"', 'git', ...args], {
      cwd,
      env: environment(call),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const stop = stopper(child)
    signal?.addEventListener('abort', stop.start, { once: true })
    const stdout = collect(child.stdout, maxOutput)
    const stderr = collect(child.stderr, maxOutput)
    child.once('error', (cause) => reject(failed(source, cause.message, cause)))
    child.once('close', (code, killed) => {
      stop.end()
      signal?.removeEventListener('abort', stop.start)
      if (signal?.aborted === true) reject(signal.reason)
      else if (code === 0) resolve(stdout())
      else if (code === 127) reject(missing(source))
      else reject(endedBadly(source, reason(withoutSecrets(stderr(), call)) ?? `git ended with ${code ?? killed}`))
    })
  })
}

function environment({ protocols = [], config = [] }: GitCall): NodeJS.ProcessEnv {
  const all = [...settings, ...config]
  const env: NodeJS.ProcessEnv = {
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: protocols.length === 0 ? 'none' : protocols.join(':'),
    GIT_CONFIG_COUNT: String(all.length),
  }
  for (const name of passedOn) if (process.env[name] !== undefined) env[name] = process.env[name]
  for (const [index, [key, value]] of all.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key
    env[`GIT_CONFIG_VALUE_${index}`] = value
  }
  return env
}

/** Asked politely first, git removes its lock files. */
function stopper(child: ChildProcess): { start: () => void; end: () => void } {
  let timer: NodeJS.Timeout | undefined
  const kill = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name)
    } catch {
      // All of the group have ended.
    }
  }
  return {
    start() {
      kill('SIGTERM')
      timer = setTimeout(() => kill('SIGKILL'), killAfterMs)
    },
    end: () => clearTimeout(timer),
  }
}

function collect(stream: NodeJS.ReadableStream, limit: number): () => string {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    if (length < limit) chunks.push(chunk)
    length += chunk.length
  })
  return () => Buffer.concat(chunks).toString('utf8')
}

/** What git says after the line with the reason. */
const lessTelling = new RegExp(
  [
    '^Please make sure you have',
    '^and the repository exists',
    '^fatal: Could not read from remote repository',
    '^Failed to clone ',
    '^fatal: clone of ',
    '^fatal: Failed to recurse into submodule ',
    '^fatal: Unable to fetch in submodule path ',
  ].join('|'),
)

function reason(stderr: string): string | undefined {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '')
  const line = lines.findLast((text) => !lessTelling.test(text)) ?? lines.at(-1)
  return line?.replace(/[a-z+]+:\/\/[^/@\s'"]*@/gi, (text) => `${text.slice(0, text.indexOf('://'))}://`).slice(0, 1000)
}

/** Servers may say again what they were sent. */
function withoutSecrets(text: string, { config = [] }: GitCall): string {
  const values = config.flatMap(([key, value]) => (/\.extraHeader$/i.test(key) ? secretsOf(value) : []))
  return values.reduce((out, value) => out.replaceAll(value, '****'), text)
}

/** What of `Authorization: Basic …` nobody should see, as it is sent and decoded. */
function secretsOf(header: string): string[] {
  const value = header.slice(header.lastIndexOf(' ') + 1)
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  const password = /\sbasic\s/i.test(header) ? decoded.slice(decoded.indexOf(':') + 1) : ''
  return [value, password].filter(({ length }) => length > 3)
}

export function failed({ name }: Pick<GitSource, 'name'>, state: string, cause?: unknown): CoreError {
  return new CoreError('DOWNLOAD_FAILED', `Cannot fetch "${name}": ${state}`, { cause })
}

function endedBadly(source: Pick<GitSource, 'name'>, state: string): CoreError {
  const error = failed(source, state)
  const hint = hints.find(([said]) => said.test(state))?.[1]
  return hint === undefined ? error : new CoreError('DOWNLOAD_FAILED', error.message, { hint })
}

const hints: readonly (readonly [said: RegExp, hint: string])[] = [
  [
    /Permission denied \(.*publickey/,
    'Forward an ssh agent or a key that may read it: --ssh default, or --ssh default=KEYFILE',
  ],
  [
    /Host key verification failed/,
    'If its key was changed, remove the old one from downloads/git/known_hosts in the root folder, or ~/.ssh/known_hosts',
  ],
  [
    /terminal prompts disabled|Authentication failed/,
    'Give credentials as a secret: --secret id=GIT_AUTH_TOKEN,env=TOKEN',
  ],
]

function missing(source: Pick<GitSource, 'name'>): CoreError {
  return new CoreError('DOWNLOAD_FAILED', failed(source, 'there is no git program').message, { hint: 'Install git' })
}
