import { createHash, randomBytes } from 'node:crypto'
import { mkdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KeyLocks } from '@tsbuild/spec'
import type { ForwardedAgents } from '../ssh/forwarded-agents.js'
import { checkout } from './git-checkout.js'
import { type GitLocation, locateRepository } from './git-location.js'
import { fetchCommit } from './git-mirror.js'
import { type GitCommit, resolveRef } from './git-refs.js'
import type { GitSource } from './git-url.js'
import { runGit } from './run-git.js'

export interface GitSessionOptions {
  /** Folder of the mirrors, one a repository. */
  readonly mirrors: string
  /** Folder for checkouts; what a dead process left in it is swept by others. */
  readonly checkouts: () => string
  readonly locks: KeyLocks
  /** `GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER`, alone or with `.host` behind, are sent to HTTP servers. */
  readonly secrets: ReadonlyMap<string, Uint8Array>
  /** The one called `default` answers for ssh remotes. Neither this process's agent nor the user's key files do: what a Dockerfile may
   * read is for the caller to say. */
  readonly ssh: ForwardedAgents
}

/** Files of a commit; disposing it removes them. */
export interface GitCheckout extends AsyncDisposable {
  readonly directory: string
}

interface GitCall {
  readonly signal?: AbortSignal | undefined
}

/** The git repositories of one build. A ref is asked for once: all steps of a build see the same commit. */
export class GitSession {
  readonly #options: GitSessionOptions
  readonly #resolved = new Map<string, Promise<GitCommit>>()
  readonly #located = new Map<string, Promise<GitLocation>>()

  constructor(options: GitSessionOptions) {
    this.#options = options
  }

  /** @throws {CoreError} `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH` */
  async resolve(source: GitSource, { signal }: GitCall = {}): Promise<GitCommit> {
    const { remote, credentials = '', ref, checksum = '' } = source
    const key = [remote, credentials, ref, checksum].join('\0')
    const known = this.#resolved.get(key)
    if (known !== undefined) return await known
    const { mirrors } = this.#options
    const ask = async () => {
      await mkdir(mirrors, { recursive: true, mode: 0o700 })
      await using access = await this.#access(source, signal)
      return await resolveRef(access.source, { cwd: mirrors, config: access.config, signal })
    }
    const asked = ask()
    this.#resolved.set(key, asked)
    try {
      return await asked
    } catch (error) {
      this.#resolved.delete(key)
      throw error
    }
  }

  /** When the commit was made, in seconds since the epoch.
   * @throws {CoreError} `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH` */
  async commitTime(source: GitSource, { signal }: GitCall = {}): Promise<number> {
    const { mirrors, locks } = this.#options
    const found = await this.resolve(source, { signal })
    await using access = await this.#access(source, signal)
    const id = mirrorName(source)
    const cwd = join(mirrors, id)
    await using _lock = await locks.acquire(`git ${id}`, signal === undefined ? {} : { signal })
    await fetchCommit(access.source, found, { directory: cwd, config: access.config, signal })
    return Number(await runGit(['show', '-s', '--format=%ct', found.commit], { source, cwd, signal }))
  }

  /** @throws {CoreError} `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `COPY_SOURCE_NOT_FOUND` */
  async checkout(source: GitSource, { signal }: GitCall = {}): Promise<GitCheckout> {
    const { mirrors, checkouts, locks } = this.#options
    const found = await this.resolve(source, { signal })
    await using access = await this.#access(source, signal)
    const { config } = access
    const id = mirrorName(source)
    const mirror = join(mirrors, id)
    const parent = join(checkouts(), randomBytes(8).toString('hex'))
    const directory = join(parent, 'checkout')
    const remove = async () => {
      await rm(parent, { recursive: true, force: true })
      // Other builds of this session may still have theirs in it.
      await rmdir(dirname(parent)).catch(() => {})
    }
    try {
      await using _lock = await locks.acquire(`git ${id}`, signal === undefined ? {} : { signal })
      await fetchCommit(access.source, found, { directory: mirror, config, signal })
      await mkdir(parent, { recursive: true, mode: 0o700 })
      await mkdir(directory, { mode: 0o755 })
      await checkout(source, found, { mirror, directory, keepGitDir: keepsGitDir(source), config, signal })
    } catch (error) {
      await remove()
      throw error
    }
    return { directory: join(directory, source.subdir), [Symbol.asyncDispose]: remove }
  }

  /** What git needs to be let in, also to submodules elsewhere. */
  async #access(source: GitSource, signal: AbortSignal | undefined): Promise<GitAccess> {
    const http = await this.#httpAccess(source, signal)
    const { ssh, mirrors } = this.#options
    const agent = await ssh.open('default', { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 })
    const command = sshCommand(join(mirrors, 'known_hosts'), agent?.reachablePath)
    return {
      source: { ...source, remote: http.remote },
      config: [['core.sshCommand', command], ...http.config],
      [Symbol.asyncDispose]: async () => await agent?.[Symbol.asyncDispose](),
    }
  }

  async #httpAccess({ remote, credentials }: GitSource, signal: AbortSignal | undefined): Promise<HttpAccess> {
    if (!/^https?:/.test(remote)) return { remote, config: [] }
    const header = credentials === undefined ? this.#secretHeader(remote) : basic(credentials)
    if (header === undefined) return { remote, config: [] }
    const found = await this.#locate(remote, header, signal)
    const here = headerConfig(remote, header)
    if (new URL(found.remote).origin === new URL(remote).origin) return { remote: found.remote, config: here }
    const there = found.trusted ? header : this.#hostSecret(found.remote)
    const more = there === undefined ? [] : headerConfig(found.remote, there)
    return { remote: found.remote, config: [...here, ...more] }
  }

  async #locate(remote: string, header: string, signal: AbortSignal | undefined): Promise<GitLocation> {
    const key = `${remote}\0${header}`
    const known = this.#located.get(key) ?? locateRepository(remote, header, signal)
    this.#located.set(key, known)
    try {
      return await known
    } catch (error) {
      this.#located.delete(key)
      throw error
    }
  }

  #secretHeader(remote: string): string | undefined {
    return this.#hostSecret(remote) ?? this.#headerOf('')
  }

  /** What is meant for a repository's host, and no other. */
  #hostSecret(remote: string): string | undefined {
    return this.#headerOf(`.${new URL(remote).host}`)
  }

  #headerOf(suffix: string): string | undefined {
    const header = this.#secret(`GIT_AUTH_HEADER${suffix}`)
    if (header !== undefined) return header
    const token = this.#secret(`GIT_AUTH_TOKEN${suffix}`)
    return token === undefined ? undefined : basic(`x-access-token:${token}`)
  }

  #secret(id: string): string | undefined {
    const bytes = this.#options.secrets.get(id)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8').trim()
  }
}

type GitConfig = readonly (readonly [key: string, value: string])[]

interface HttpAccess {
  /** Where the repository is, redirects followed. */
  readonly remote: string
  readonly config: GitConfig
}

interface GitAccess extends AsyncDisposable {
  /** The source, where it is. */
  readonly source: GitSource
  readonly config: GitConfig
}

/** A header for one server. Git would send it to others, too, where it follows a redirect. */
function headerConfig(remote: string, header: string): GitConfig {
  const server = `http.${new URL(remote).origin}/`
  return [
    [`${server}.extraHeader`, `Authorization: ${header}`],
    [`${server}.followRedirects`, 'false'],
  ]
}

/** Asks nobody and reads no configuration. A host's key is remembered when it is first seen, and counts from then on. */
function sshCommand(knownHosts: string, agent: string | undefined): string {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=accept-new',
    `UserKnownHostsFile="${knownHosts.replaceAll('%', '%%')}" ~/.ssh/known_hosts`,
    'IdentityFile=none',
    `IdentityAgent=${agent === undefined ? 'none' : `"${agent}"`}`,
  ]
  return ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', shellQuote(option)])].join(' ')
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** BuildKit keeps the git directory of whole repositories only. */
export function keepsGitDir({ keepGitDir, subdir }: GitSource): boolean {
  return keepGitDir === true && subdir === ''
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

/** Who gives other credentials gets another mirror: what one may read is not for all. */
function mirrorName({ remote, credentials = '' }: GitSource): string {
  return createHash('sha256').update(`${remote}\0${credentials}`).digest('hex')
}
