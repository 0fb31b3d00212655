import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import {
  type ChainID,
  canonicalJson,
  chainIDs,
  type Descriptor,
  type DiffID,
  digestOf,
  type JsonValue,
  mediaTypes,
  type SessionLocks,
  type SnapshotName,
} from '@tsbuild/spec'
import { type OpenStoreOptions, openStore, type Store } from '@tsbuild/store'
import { pidSessions } from './pid-sessions.js'

export const platform = { os: 'linux', architecture: 'amd64' }

export function openTestStore(
  root: string,
  options: OpenStoreOptions & { readonly sessions?: SessionLocks } = {},
): Promise<Store> {
  return openStore(root, { sessions: pidSessions(), syncFileSystem: async () => {}, ...options })
}

export function descriptorOf(data: Uint8Array, mediaType = 'application/octet-stream'): Descriptor {
  return { mediaType, digest: digestOf(data), size: data.length }
}

export async function addBlob(store: Store, data: Uint8Array, mediaType?: string): Promise<Descriptor> {
  const descriptor = descriptorOf(data, mediaType)
  await store.content.writeBlob(descriptor, data)
  return descriptor
}

/** An image of one layer; without `layerBlob` its layer is virtual. */
export async function addImage(
  store: Store,
  layer: Buffer,
  layerBlob = true,
): Promise<{ manifest: Descriptor; config: Descriptor; layer: Descriptor; chain: ChainID }> {
  const diffId = digestOf(layer) as DiffID
  const json = (value: object, type: string) => addBlob(store, Buffer.from(canonicalJson(value as JsonValue)), type)
  const config = await json(
    { ...platform, rootfs: { type: 'layers', diff_ids: [diffId] }, config: {} },
    mediaTypes.ociConfig,
  )
  const layerDescriptor = descriptorOf(layer, mediaTypes.ociLayer)
  if (layerBlob) await store.content.writeBlob(layerDescriptor, layer)
  const manifest = await json(
    { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layerDescriptor] },
    mediaTypes.ociManifest,
  )
  return { manifest, config, layer: layerDescriptor, chain: chainIDs([diffId])[0]! }
}

/** A tar that holds nothing. */
export const emptyTar = Buffer.alloc(1024)

export const snapshotName = (text: string) => text as SnapshotName

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Runs `test/child.ts` as a process of its own. */
export function startChild(...args: string[]): ChildProcess {
  return fork(new URL('./child.js', import.meta.url), args, {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

export async function childExit(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode !== null) return child.exitCode
  if (child.signalCode !== null) return child.signalCode
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code ?? -1)))
}

export function childMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', () => reject(new Error('the child ended without a message')))
  })
}

export const needsRoot = process.getuid?.() === 0 ? undefined : 'needs root to mount'

/** A mounted tmpfs of this size, unmounted when it is disposed. */
export async function smallDisk(path: string, sizeBytes: number): Promise<AsyncDisposable> {
  await mkdir(path, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', path])
  return {
    async [Symbol.asyncDispose]() {
      execFileSync('umount', ['-l', path])
    },
  }
}
