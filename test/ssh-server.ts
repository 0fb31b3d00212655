import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, findProgram, freePort, tempDir } from '@tsbuild/testkit'
import { makeKey } from './agent-tools.js'

/** Why no ssh server can be started here. */
export function sshServerProblem(): string | undefined {
  const missing = ['sshd', 'ssh', 'ssh-keygen', 'ssh-agent', 'unshare'].find((name) => findProgram(name) === undefined)
  return missing === undefined ? undefined : `${missing} is not installed`
}

export interface SshServerOptions {
  /** Path of the public key that it lets in, as the user that runs the test. */
  readonly authorized: string
  /** Default: a free one. */
  readonly port?: number
}

/** OpenSSH's server on loopback, with a host key of its own. */
export interface SshServer extends AsyncDisposable {
  readonly port: number
  /** `ssh://` address of a path of this machine. */
  url(path: string): string
  /** What it has logged. */
  log(): string
}

export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options)
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

async function startOnce({ authorized, port: wanted }: SshServerOptions): Promise<SshServer> {
  const dir = await tempDir('tsbuild-sshd-')
  const port = wanted ?? (await freePort())
  const hostKey = join(dir.path, 'host')
  await makeKey(hostKey)
  await writeFile(join(dir.path, 'authorized'), await readFile(authorized))
  const lines = [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(dir.path, 'authorized')}`,
    ...['PermitRootLogin yes', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'UsePAM no'],
    ...['StrictModes no', 'PidFile none', 'LogLevel VERBOSE'],
  ]
  const config = join(dir.path, 'sshd_config')
  await writeFile(config, `${lines.join('\n')}\n`)
  // It wants a folder in /run, which is made where nobody else sees it.
  const script = 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$0" -D -e -f "$1"'
  const guard = findProgram('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL']
  const args = [...guard, 'unshare', '--mount', '/bin/sh', '-c', script, findProgram('sshd') ?? 'sshd', config]
  const child = spawn(args[0] ?? '', args.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const stop = async () => {
    await end(child)
    await dir[Symbol.asyncDispose]()
  }
  try {
    await listening(child, () => log)
  } catch (error) {
    await stop()
    throw error
  }
  const user = (await command('id', ['-un'])).trim()
  return { port, url: (path) => `ssh://${user}@127.0.0.1:${port}${path}`, log: () => log, [Symbol.asyncDispose]: stop }
}

function listening(child: ChildProcess, log: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => /Server listening on/.test(log()) && resolve()
    child.stderr?.on('data', look)
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`sshd ended with ${code}: ${log()}`)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'exit')
  child.kill('SIGTERM')
  await closed
}
