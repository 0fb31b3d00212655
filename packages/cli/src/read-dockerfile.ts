import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from './errors.js'
import type { Io } from './io.js'

/** A Dockerfile's text and the name that messages have for it. */
export interface DockerfileSource {
  readonly file: string
  readonly text: string
  /** What the build would ignore, where that is known with it. */
  readonly ignore?: readonly string[]
}

/** Reads a Dockerfile: `-` is standard input, a directory stands for the `Dockerfile` in it.
 * @throws {CliError} `FILE_UNREADABLE` */
export async function readDockerfile(path: string, io: Pick<Io, 'stdin' | 'signal'>): Promise<DockerfileSource> {
  if (path === '-') return { file: 'Dockerfile', text: await readStdin(io) }
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'Dockerfile') : path
    return { file, text: await readFile(file, 'utf8') }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const state = code === 'ENOENT' ? 'there is no such file' : message
    throw new CliError('FILE_UNREADABLE', `Cannot read Dockerfile "${path}": ${state}`, { cause })
  }
}

/** All of standard input as text; rejects with the signal's reason when it is aborted. */
export async function readStdin({ stdin, signal }: Pick<Io, 'stdin' | 'signal'>): Promise<string> {
  const stop = () => stdin.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const chunks: Buffer[] = []
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks).toString('utf8')
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
