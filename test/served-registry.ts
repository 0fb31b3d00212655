import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../packages/cli/bin/tsbuild.js', import.meta.url))

/** `tsbuild registry serve` as a process of its own, on a free port of the loopback address; disposing it kills it. */
export interface ServedRegistry extends AsyncDisposable {
  readonly url: string
  /** What image names begin with. */
  readonly host: string
  readonly child: ChildProcess
  /** Signals it; resolves with how it ended. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  stderr(): string
}

export async function serveRegistryCli(root: string, args: readonly string[] = []): Promise<ServedRegistry> {
  const child = spawn(
    process.execPath,
    [program, 'registry', 'serve', '--root', root, '--listen', '127.0.0.1:0', ...args],
    {
      stdio: ['ignore', 'inherit', 'pipe'],
    },
  )
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  let stderr = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      const told = /^Serving the registry at (\S+)$/m.exec(stderr)?.[1]
      if (told !== undefined) resolve(told)
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`tsbuild registry serve ended early:\n${stderr}`)))
  })
  const end = async (name: NodeJS.Signals) => {
    child.kill(name)
    const [code, signal] = await exited
    return { code, signal }
  }
  return {
    url,
    host: url.replace(/^\w+:\/\//, ''),
    child,
    end,
    stderr: () => stderr,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL')
    },
  }
}
