import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { tempDir } from '@tsbuild/testkit'

/** Why a test with git repositories can't run here. */
export function gitProblem(): string | undefined {
  try {
    execFileSync('git', ['http-backend'], { stdio: 'ignore', env: { ...process.env, REQUEST_METHOD: 'GET' } })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'needs git'
  }
  return undefined
}

/** A repository with a work tree, on the server's disk. */
export interface TestRepository {
  readonly path: string
  git(...args: string[]): string
  /** Writes files, commits them and gives the commit's id. */
  commit(files: Readonly<Record<string, string>>): string
}

/** Serves the repositories in a folder on loopback, as `/NAME.git`. */
export interface GitServer extends AsyncDisposable {
  readonly http: string
  /** Requests so far, as `METHOD path?query`. */
  readonly requests: string[]
  repository(name: string): TestRepository
}

export interface GitServerOptions {
  /** `user:password` that every request must carry. */
  readonly credentials?: string
  /** Files alone, without git on the server: `git update-server-info`. */
  readonly plainFiles?: boolean
  /** Never answer. */
  readonly hang?: boolean
}

const identity = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
}

export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const dir = await tempDir('tsbuild-git-')
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (options.hang === true) return
    const wanted = options.credentials
    if (wanted !== undefined && request.headers.authorization !== `Basic ${Buffer.from(wanted).toString('base64')}`) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    } else if (options.plainFiles === true) sendFile(dir.path, request, response)
    else runBackend(dir.path, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    http: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    repository: (name) => repository(join(dir.path, `${name}.git`)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await dir[Symbol.asyncDispose]()
    },
  }
}

/** Serves a repository by `git://`; its address. */
export async function startGitDaemon(repository: TestRepository): Promise<AsyncDisposable & { url: string }> {
  const port = await freePort()
  const base = dirname(repository.path)
  const args = ['daemon', '--export-all', `--base-path=${base}`, '--listen=127.0.0.1', `--port=${port}`, base]
  const child = spawn('git', args, { stdio: 'ignore', detached: true, env: { ...process.env, ...identity } })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const url = `git://127.0.0.1:${port}${repository.path.slice(base.length)}`
  for (let tries = 0; tries < 100; tries++) {
    try {
      execFileSync('git', ['ls-remote', url], { stdio: 'ignore' })
      break
    } catch {
      await delay(50)
    }
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      if (child.pid !== undefined) process.kill(-child.pid)
      await ended
    },
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function repository(path: string): TestRepository {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'protocol.allow=always', ...args], {
      cwd: path,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...identity },
    }).trim()
  mkdirSync(path, { recursive: true })
  git('init', '-q', '-b', 'main')
  return {
    path,
    git,
    commit(files) {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true })
        writeFileSync(join(path, name), content)
      }
      git('add', '-A')
      git('commit', '-q', '--allow-empty', '-m', 'x')
      git('update-server-info')
      return git('rev-parse', 'HEAD')
    },
  }
}

function sendFile(root: string, { url = '' }: IncomingMessage, response: ServerResponse): void {
  const path = new URL(url, 'http://x').pathname.replace(/^(\/[^/]+\.git)/, '$1/.git')
  try {
    response.end(readFileSync(join(root, path)))
  } catch {
    response.writeHead(404).end()
  }
}

function runBackend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '', 'http://x')
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...process.env,
      ...identity,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
  })
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('close', () => {
    const all = Buffer.concat(chunks)
    const end = all.indexOf('\r\n\r\n')
    const headers = new Map(
      all
        .subarray(0, end)
        .toString()
        .split('\r\n')
        .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
    )
    const status = Number.parseInt(headers.get('status') ?? '200', 10)
    headers.delete('status')
    response.writeHead(status, Object.fromEntries(headers)).end(all.subarray(end + 4))
  })
}
