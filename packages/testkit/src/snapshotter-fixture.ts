import { join } from 'node:path'
import type { ByteStream, SnapshotKey, SnapshotName, Snapshotter } from '@tsbuild/spec'
import { inMount } from './mount-shell.js'
import { type ListedEntry, listTar } from './tar-fixture.js'
import { tempDir } from './temp-dir.js'

/** Opens the snapshotter that is tested, on an existing directory. */
export type CreateSnapshotter = (directory: string) => Snapshotter | Promise<Snapshotter>

export const key = (name: string) => name as SnapshotKey
export const layer = (name: string) => name as SnapshotName

/** A snapshotter on a directory of its own, with what tests do to it. */
export interface SnapshotterFixture extends AsyncDisposable {
  readonly snapshotter: Snapshotter
  /** A directory beside the snapshotter's, for what must not be touched. */
  readonly outside: string
  /** Commits what a script does on a chain as `name`. */
  change(name: string, layers: readonly string[], script: string): Promise<SnapshotName>
  /** What a script prints that looks at a chain. */
  look(layers: readonly string[], script: string): Promise<string>
  /** The entries of a layer's tar. */
  entries(name: string): Promise<ListedEntry[]>
  /** Their names alone. */
  names(name: string): Promise<string[]>
}

export async function openFixture(create: CreateSnapshotter): Promise<SnapshotterFixture> {
  const directory = await tempDir('tsbuild-snapshots-')
  const snapshotter = await create(join(directory.path, 'snapshots'))
  const chain = (layers: readonly string[]) => layers.map(layer)
  const entries = async (name: string) => listTar(await collect(snapshotter.pack(layer(name))))
  return {
    snapshotter,
    outside: directory.path,
    entries,
    names: async (name) => (await entries(name)).map((entry) => entry.name),
    async change(name, layers, script) {
      const mount = await snapshotter.prepare(key(`k-${name.slice(-22)}`), chain(layers))
      await inMount(mount, script)
      await snapshotter.commit(layer(name), key(`k-${name.slice(-22)}`))
      return layer(name)
    },
    async look(layers, script) {
      await using view = await snapshotter.view(chain(layers))
      return (await inMount(view.mount, script)).trimEnd()
    },
    async [Symbol.asyncDispose]() {
      await snapshotter[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}

export async function collect(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks)
}

/** `data` in pieces that end at awkward places. */
export async function* inPieces(data: Buffer, size = 700): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size)
}
