import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { Writable } from 'node:stream'
import { CliError } from '../errors.js'
import type { Io } from '../io.js'

/** A stream into `docker load`, or `podman load` where there is no docker. The program is started by the first bytes; the stream has
 * finished when the program has.
 * @throws {CliError} `LOAD_FAILED` when neither is on PATH; as the stream's error when the program fails */
export function loaderStream(env: Io['env']): Writable {
  const program = findProgram('docker', env.PATH ?? '') ?? findProgram('podman', env.PATH ?? '')
  if (program === undefined) {
    const hint = 'Write an archive instead, and load it where docker or podman is: -o type=docker,dest=image.tar'
    throw new CliError('LOAD_FAILED', 'Cannot load image: neither docker nor podman is on PATH', { hint })
  }
  let loader: Loader | undefined
  return new Writable({
    write(chunk, _encoding, done) {
      loader ??= startLoader(program)
      const { child, ended } = loader
      child.stdin?.write(chunk, (error) => (error ? ended.then(() => done(error), done) : done()))
    },
    final(done) {
      if (loader === undefined) return done()
      loader.child.stdin?.end()
      loader.ended.then(() => done(), done)
    },
    destroy(error, done) {
      if (error !== null) loader?.child.kill()
      done(error)
    },
  })
}

interface Loader {
  readonly child: ChildProcess
  /** Rejects when the program fails, with what it said. */
  readonly ended: Promise<void>
}

function startLoader(program: string): Loader {
  const child = spawn(program, ['load'], { stdio: ['pipe', 'ignore', 'pipe'] })
  // Its end tells more than a broken pipe does.
  child.stdin.on('error', () => {})
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (cause) => reject(failed(program, cause.message)))
    child.on('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(failed(program, said.trim() || `it ended with ${signal ?? `exit code ${code}`}`))
    })
  })
  ended.catch(() => {})
  return { child, ended }
}

function failed(program: string, state: string): CliError {
  return new CliError('LOAD_FAILED', `Cannot load image with ${basename(program)}: ${state}`)
}

function findProgram(name: string, path: string): string | undefined {
  const directories = path.split(delimiter).filter((directory) => directory !== '')
  return directories.map((directory) => join(directory, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
