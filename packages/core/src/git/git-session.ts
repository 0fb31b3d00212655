import { createHash, randomBytes } from 'node:crypto'
import { mkdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KeyLocks } from '@tsbuild/spec'
import { checkout } from './git-checkout.js'
import { fetchCommit } from './git-mirror.js'
import { type GitCommit, resolveRef } from './git-refs.js'
import type { GitSource } from './git-url.js'

export interface GitSessionOptions {
  /** Folder of the mirrors, one a repository. */
  readonly mirrors: string
  /** Folder for checkouts; what a dead process left in it is swept by others. */
  readonly checkouts: () => string
  readonly locks: KeyLocks
  /** `GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER`, alone or with `.host` behind, are sent to HTTP servers. */
  readonly secrets: ReadonlyMap<string, Uint8Array>
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
    const asked = mkdir(mirrors, { recursive: true, mode: 0o700 }).then(() =>
      resolveRef(source, { cwd: mirrors, config: this.#config(source), signal }),
    )
    this.#resolved.set(key, asked)
    try {
      return await asked
    } catch (error) {
      this.#resolved.delete(key)
      throw error
    }
  }

  /** @throws {CoreError} `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `COPY_SOURCE_NOT_FOUND` */
  async checkout(source: GitSource, { signal }: GitCall = {}): Promise<GitCheckout> {
    const { mirrors, checkouts, locks } = this.#options
    const found = await this.resolve(source, { signal })
    const config = this.#config(source)
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
      await fetchCommit(source, found, { directory: mirror, config, signal })
      await mkdir(parent, { recursive: true, mode: 0o700 })
      await mkdir(directory, { mode: 0o755 })
      await checkout(source, found, { mirror, directory, keepGitDir: keepsGitDir(source), config, signal })
    } catch (error) {
      await remove()
      throw error
    }
    return { directory: join(directory, source.subdir), [Symbol.asyncDispose]: remove }
  }

  #config({ remote, credentials }: GitSource): (readonly [string, string])[] {
    if (!/^https?:/.test(remote)) return []
    const header = credentials === undefined ? this.#secretHeader(remote) : basic(credentials)
    return header === undefined ? [] : [[`http.${new URL(remote).origin}/.extraHeader`, `Authorization: ${header}`]]
  }

  #secretHeader(remote: string): string | undefined {
    const { host } = new URL(remote)
    for (const suffix of [`.${host}`, '']) {
      const header = this.#secret(`GIT_AUTH_HEADER${suffix}`)
      if (header !== undefined) return header
      const token = this.#secret(`GIT_AUTH_TOKEN${suffix}`)
      if (token !== undefined) return basic(`x-access-token:${token}`)
    }
    return undefined
  }

  #secret(id: string): string | undefined {
    const bytes = this.#options.secrets.get(id)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8').trim()
  }
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
