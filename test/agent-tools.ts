import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { command } from '@tsbuild/testkit'

/** Copies programs of this machine, with the libraries that they need, into a folder that is a root file system or laid over one. */
export async function copyPrograms(names: readonly string[], directory: string): Promise<void> {
  for (const name of names) {
    const path = (await command('which', [name])).trim()
    const listing = await command('ldd', [path])
    const libraries = [...listing.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, library]) => library ?? '')
    for (const file of [path, ...libraries]) {
      const to = join(directory, file)
      await mkdir(dirname(to), { recursive: true })
      await cp(file, to, { dereference: true })
    }
  }
}

/** Makes a key without a passphrase (or with one), and returns the fingerprint that `ssh-add -l` shows. */
export async function makeKey(path: string, passphrase = ''): Promise<string> {
  await command('ssh-keygen', ['-q', '-t', 'ed25519', '-C', 'test', '-N', passphrase, '-f', path])
  return (await command('ssh-keygen', ['-l', '-f', `${path}.pub`])).split(' ')[1] ?? ''
}

export interface TestAgent extends AsyncDisposable {
  readonly socket: string
  /** What `ssh-add -l` says of it. */
  list(): Promise<string>
}

/** A real agent with one key. */
export async function startAgent(directory: string, key: string): Promise<TestAgent> {
  const socket = join(directory, 'agent.sock')
  const child: ChildProcess = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const stop = async () => {
    child.kill()
    await closed
  }
  try {
    await once(child.stdout ?? child, 'data')
    const env = { ...process.env, SSH_AUTH_SOCK: socket }
    await command('ssh-add', ['-q', key], { env })
    return { socket, list: () => command('ssh-add', ['-l'], { env }), [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The ids of all processes whose program has this name. */
export async function processesNamed(name: string): Promise<string[]> {
  const out: string[] = []
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    if (comm.trim() === name) out.push(pid)
  }
  return out
}
