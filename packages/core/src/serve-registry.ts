import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSessionLocks } from '@tsbuild/host'
import { openStore } from '@tsbuild/store'
import type { RegistryServer, ServeRegistryOptions } from './api/registry-server.js'
import { CoreError } from './errors.js'
import { lazySessionLocks } from './lazy.js'
import { rootDirectory } from './root-directory.js'

/** Serves a root folder as a registry (OCI distribution spec 1.1). Repositories are what was pushed there; they share their blobs with
 * the folder's images. Builds and other servers may use the folder at the same time.
 *
 * ```ts
 * await using server = await serveRegistry({ root: '/srv/registry', port: 5000 })
 * console.log(`docker push ${server.host}/app`)
 * ```
 * @throws {RegistryError} `LISTEN_FAILED`, `TLS_INVALID`, `HTPASSWD_INVALID`
 * @throws {CoreError} `ROOT_UNUSABLE` for `readonly` where there is no root folder, `OPTION_INVALID` for unreadable TLS files
 * @throws {StoreError} `ROOT_UNUSABLE`, `ROOT_READ_ONLY`, `FORMAT_TOO_NEW`, `METADATA_FAILED` */
export async function serveRegistry(options: ServeRegistryOptions = {}): Promise<RegistryServer> {
  const { tls: paths, root: given, ...rest } = options
  const tls = paths && { cert: await readPem(paths.certPath), key: await readPem(paths.keyPath) }
  const root = rootDirectory(given)
  if (options.readonly && !existsSync(join(root, 'metadata'))) {
    throw new CoreError('ROOT_UNUSABLE', `Cannot serve root folder "${root}": nothing was ever kept there`, {
      hint: 'Name the folder of a registry or of builds with --root',
    })
  }
  const sessions = lazySessionLocks(() => openSessionLocks(join(root, 'locks')))
  const store = await openStore(root, { sessions, readonly: options.readonly ?? false })
  const closeStore = async () => {
    await store[Symbol.asyncDispose]()
    await sessions[Symbol.asyncDispose]()
  }
  try {
    const { createRegistryServer } = await import('@tsbuild/registry')
    const server = await createRegistryServer({ ...rest, ...(tls && { tls }), storage: store.repositories })
    const { url, host, port } = server
    let closing: Promise<void> | undefined
    const close = async () => {
      await server[Symbol.asyncDispose]()
      await closeStore()
    }
    return { url, host, port, [Symbol.asyncDispose]: () => (closing ??= close()) }
  } catch (error) {
    await closeStore()
    throw error
  }
}

async function readPem(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const state = cause.code === 'ENOENT' ? 'there is no such file' : cause.message
    throw new CoreError('OPTION_INVALID', `Cannot read TLS file "${path}": ${state}`, { cause })
  })
}
