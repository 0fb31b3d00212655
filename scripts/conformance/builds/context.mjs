import { once } from 'node:events'
import { chmodSync, linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Rebuilds a build context from its manifest. */
export async function rebuildContext(manifest, directory) {
  mkdirSync(directory, { recursive: true })
  for (const entry of manifest) {
    const path = join(directory, entry.path)
    mkdirSync(dirname(path), { recursive: true })
    await create(entry, path, directory)
  }
}

async function create(entry, path, directory) {
  const mode = entry.mode === undefined ? undefined : Number.parseInt(entry.mode.replace(/^0o/, ''), 8)
  switch (entry.type) {
    case 'file':
      writeFileSync(path, entry.data === undefined ? Buffer.from(entry.data_b64, 'base64') : entry.data)
      return chmodSync(path, mode)
    case 'dir':
      mkdirSync(path, { recursive: true })
      return chmodSync(path, mode)
    case 'symlink':
      return symlinkSync(entry.target, path)
    case 'link':
      return linkSync(join(directory, entry.target), path)
    case 'socket':
      return await bindSocket(path)
    default:
      throw new Error(`the manifest has an entry of type "${entry.type}"`)
  }
}

/** A server takes its socket away when it is closed, so the socket is moved first; the short path keeps within a socket's 108 bytes. */
async function bindSocket(path) {
  const short = join(tmpdir(), `s${process.pid}-${basename(path).slice(0, 20)}`)
  const server = createServer().listen(short)
  await once(server, 'listening')
  renameSync(short, path)
  server.close()
}
