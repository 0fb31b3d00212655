import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findProgram } from './base-images/command.js'
import { tempDir } from './temp-dir.js'

const run = promisify(execFile)

export interface RegistryServerOptions {
  /** Basic auth by a bcrypt htpasswd file (needs the program `htpasswd`). Default: anonymous. */
  readonly auth?: { readonly user: string; readonly password: string }
  /** HTTPS with a certificate of its own for 127.0.0.1 and localhost (needs the program `openssl`). Default: plain HTTP. */
  readonly tls?: boolean
  /** With `tls`: only clients with the certificate in `client` are served. */
  readonly clientCertificate?: boolean
}

/** A real registry on a free loopback port; disposing it ends the process and removes its files. */
export interface RegistryServer extends AsyncDisposable {
  /** `localhost:PORT`, as image names have it. */
  readonly host: string
  /** `http://localhost:PORT`, or https with `tls`. */
  readonly url: string
  readonly port: number
  /** Where the registry keeps its files: blobs lie below `docker/registry/v2`. */
  readonly storage: string
  /** The certificate in PEM form, with `tls`. */
  readonly certificate?: string
  /** In PEM form, with `clientCertificate`. */
  readonly client?: { readonly cert: string; readonly key: string }
  /** What the registry has logged. */
  log(): string
}

/** Why no registry can be started here, as a reason to skip a test. */
export function registryProblem({ auth, tls = false }: RegistryServerOptions = {}): string | undefined {
  const wanted = ['docker-registry', ...(auth === undefined ? [] : ['htpasswd']), ...(tls ? ['openssl'] : [])]
  const missing = wanted.find((program) => findProgram(program) === undefined)
  return missing === undefined ? undefined : `${missing} is not installed`
}

/** Starts Debian's `docker-registry`; retried on another port where that one was taken meanwhile. */
export async function startRegistry(options: RegistryServerOptions = {}): Promise<RegistryServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options)
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

async function startOnce({
  auth,
  tls = false,
  clientCertificate = false,
}: RegistryServerOptions): Promise<RegistryServer> {
  await using stack = new AsyncDisposableStackLike()
  const folder = stack.use(await tempDir('tsbuild-registry-'))
  const storage = join(folder.path, 'storage')
  const port = await freePort()
  const lines = ['version: 0.1', 'log:', '  level: warn', '  accesslog: { disabled: true }', 'storage:']
  lines.push('  delete: { enabled: true }', `  filesystem: { rootdirectory: ${JSON.stringify(storage)} }`)
  lines.push('http:', `  addr: 127.0.0.1:${port}`, '  secret: loopback-only')
  const certificate = tls ? (await makeCertificate(folder.path, 'tls')).cert : undefined
  const client = clientCertificate ? await makeCertificate(folder.path, 'client') : undefined
  if (tls)
    lines.push('  tls:', `    certificate: ${join(folder.path, 'tls.crt')}`, `    key: ${join(folder.path, 'tls.key')}`)
  if (client !== undefined) lines.push('    clientcas:', `      - ${join(folder.path, 'client.crt')}`)
  if (auth !== undefined) {
    const { stdout } = await run('htpasswd', ['-Bbn', auth.user, auth.password])
    await writeFile(join(folder.path, 'htpasswd'), stdout)
    lines.push('auth:', `  htpasswd: { realm: loopback, path: ${join(folder.path, 'htpasswd')} }`)
  }
  const config = join(folder.path, 'config.yml')
  await writeFile(config, `${lines.join('\n')}\n`)
  // The kernel ends the registry with the test, also where that is killed.
  const guard = findProgram('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL']
  const [program = '', ...args] = [...guard, 'docker-registry', 'serve', config]
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' },
  })
  stack.use({ [Symbol.asyncDispose]: () => end(child) })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text))
  await ready(child, `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v2/`, client, () => log)
  const held = stack.move()
  return {
    host: `localhost:${port}`,
    url: `${tls ? 'https' : 'http'}://localhost:${port}`,
    port,
    storage,
    ...(certificate === undefined ? {} : { certificate }),
    ...(client === undefined ? {} : { client }),
    log: () => log,
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Both in PEM form. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** A certificate for 127.0.0.1 and localhost that vouches for itself, in files `<name>.crt` and `<name>.key`. Needs the program
 * `openssl`. */
export async function makeCertificate(folder: string, name: string): Promise<KeyPair> {
  const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost'
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ]
  const [keyPath, path] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  await run('openssl', [...args, '-addext', names, '-keyout', keyPath, '-out', path])
  return { cert: await readFile(path, 'utf8'), key: await readFile(keyPath, 'utf8') }
}

async function ready(child: ChildProcess, url: string, client: KeyPair | undefined, log: () => string): Promise<void> {
  let failure: unknown
  child.once('error', (error) => (failure = error))
  for (let count = 0; count < 400; count++) {
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}: ${log()}`)
    if (await answers(url, client)) return
    await sleep(25)
  }
  throw new Error(`docker-registry does not answer: ${log()}`)
}

function answers(url: string, client: KeyPair | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const request = url.startsWith('https:')
      ? httpsGet(url, { rejectUnauthorized: false, agent: false, ...client })
      : httpGet(url, { agent: false })
    request.once('response', (response) => {
      response.resume()
      resolve(true)
    })
    request.once('error', () => resolve(false))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await closed
  clearTimeout(timer)
}

/** Disposes what it was given, last first; `move` hands all of it over. */
class AsyncDisposableStackLike implements AsyncDisposable {
  #held: AsyncDisposable[] = []

  use<T extends AsyncDisposable>(value: T): T {
    this.#held.push(value)
    return value
  }

  move(): AsyncDisposable {
    const moved = new AsyncDisposableStackLike()
    moved.#held = this.#held
    this.#held = []
    return moved
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let next = this.#held.pop(); next !== undefined; next = this.#held.pop()) await next[Symbol.asyncDispose]()
  }
}
