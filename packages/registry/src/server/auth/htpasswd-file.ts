import { readFile, stat } from 'node:fs/promises'
import { RegistryError } from '../../errors.js'
import { parseHtpasswd } from './htpasswd.js'

/** An htpasswd file that is read again when it changes. A change that can't be read leaves the users as they were. */
export class HtpasswdFile {
  readonly #path: string
  #users: ReadonlyMap<string, string>
  #version: string

  private constructor(path: string, users: ReadonlyMap<string, string>, version: string) {
    this.#path = path
    this.#users = users
    this.#version = version
  }

  /** @throws {RegistryError} `HTPASSWD_INVALID` */
  static async open(path: string): Promise<HtpasswdFile> {
    const version = await versionOf(path)
    return new HtpasswdFile(path, await readUsers(path), version)
  }

  /** Users and their hashes as they are now, and a text that changes whenever they may have changed. */
  async read(): Promise<{ readonly users: ReadonlyMap<string, string>; readonly version: string }> {
    const version = await versionOf(this.#path).catch(() => this.#version)
    if (version !== this.#version) {
      // A file that is half written, or gone, comes again.
      const users = await readUsers(this.#path).catch(() => undefined)
      if (users !== undefined) {
        this.#users = users
        this.#version = version
      }
    }
    return { users: this.#users, version: this.#version }
  }
}

async function versionOf(path: string): Promise<string> {
  const { mtimeNs, size, ino } = await stat(path, { bigint: true }).catch((cause) => {
    throw unreadable(path, cause)
  })
  return `${mtimeNs}/${size}/${ino}`
}

async function readUsers(path: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw unreadable(path, cause)
  })
  return parseHtpasswd(text, path)
}

function unreadable(path: string, cause: NodeJS.ErrnoException): RegistryError {
  const state = cause.code === 'ENOENT' ? 'there is no such file' : cause.message
  return new RegistryError('HTPASSWD_INVALID', `Cannot read htpasswd file "${path}": ${state}`, { cause })
}
