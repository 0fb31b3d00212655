import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { openSessionLocks } from '@tsbuild/host'
import type { Mount, SnapshotName, SnapshotView } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import { tempDir } from '@tsbuild/testkit'
import { createFileEngine } from '../dist/file-engine.js'
import type { CopyRequest, FileEngine } from '../dist/files/index.js'

export const needsRoot = process.getuid?.() === 0 ? false : 'needs root'

/** A file's text, a link (`-> target`), a directory (name with a slash at the end), or more exactly: */
export type Planted =
  | string
  | {
      readonly text?: string
      readonly mode?: number
      readonly owner?: string
      readonly time?: number
      readonly hardLink?: string
      readonly fifo?: true
    }
export type Tree = Readonly<Record<string, Planted>>

export function plant(root: string, tree: Tree): void {
  for (const [name, node] of Object.entries(tree)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    const {
      text = '',
      mode,
      owner,
      time,
      hardLink,
      fifo,
    } = typeof node === 'string' ? ({ text: node } as Exclude<Planted, string>) : node
    if (name.endsWith('/')) mkdirSync(path, { recursive: true })
    else if (hardLink !== undefined) linkSync(join(root, hardLink), path)
    else if (fifo) execFileSync('mkfifo', [path])
    else if (text.startsWith('-> ')) symlinkSync(text.slice(3), path)
    else writeFileSync(path, text)
    const link = text.startsWith('-> ')
    if (owner !== undefined) execFileSync('chown', ['-h', owner, path])
    if (!link && hardLink === undefined) chmodSync(path, mode ?? (name.endsWith('/') ? 0o755 : 0o644))
    if (time !== undefined) lutimesSync(path, time, time)
  }
}

/** A tree in words: `f 644 text`, `d 755`, `l target`; the owner is named where it is not 0:0, the inode's number of links where above 1. */
export function look(root: string, below = ''): Record<string, string> {
  const out: Record<string, string> = {}
  for (const name of readdirSync(join(root, below)).sort()) {
    const path = join(below, name)
    const full = join(root, path)
    const stat = lstatSync(full)
    const mode = (stat.mode & 0o7777).toString(8)
    const owner = stat.uid === 0 && stat.gid === 0 ? '' : ` ${stat.uid}:${stat.gid}`
    if (stat.isDirectory()) {
      out[path] = `d ${mode}${owner}`
      Object.assign(out, look(root, path))
    } else if (stat.isSymbolicLink()) out[path] = `l${owner} ${readlinkSync(full)}`
    else if (stat.isFile()) {
      const links = stat.nlink > 1 ? ` x${stat.nlink}` : ''
      out[path] = `f ${mode}${owner}${links} ${readFileSync(full, 'utf8')}`.trimEnd()
    } else out[path] = `${stat.isFIFO() ? 'p' : '?'} ${mode}${owner}`
  }
  return out
}

export interface Bench extends AsyncDisposable {
  readonly root: string
  readonly context: string
  readonly image: string
  readonly files: FileEngine
  readonly mount: Mount
  /** How often a chain was mounted. */
  views: number
  request(change: Partial<CopyRequest>): CopyRequest
  /** Digests and copies. */
  run(change: Partial<CopyRequest>): Promise<void>
}

/** An engine on a real store, with a context, a target and chains whose layers are directories of the bench. */
export async function openBench(trees: { context?: Tree; image?: Tree } = {}): Promise<Bench> {
  const dir = await tempDir()
  const root = dir.path
  for (const name of ['context', 'image', 'state']) mkdirSync(join(root, name))
  const sessions = openSessionLocks(join(root, 'state/locks'))
  const store = await openStore(join(root, 'state'), { sessions })
  const bench = { views: 0 }
  const snapshotter = {
    async view(layers: readonly SnapshotName[]): Promise<SnapshotView> {
      bench.views++
      return { mount: bind(join(root, String(layers[0])), true), async [Symbol.asyncDispose]() {} }
    },
  }
  const files = createFileEngine({
    metadata: store.metadata,
    snapshotter,
    downloads: join(root, 'state/downloads'),
    listings: join(root, 'state/listings'),
  })
  plant(join(root, 'context'), trees.context ?? {})
  plant(join(root, 'image'), trees.image ?? {})
  const mount = bind(join(root, 'image'), false)
  const request = (change: Partial<CopyRequest>): CopyRequest => ({
    kind: 'copy',
    source: { kind: 'context', directory: join(root, 'context') },
    sources: [],
    inlineFiles: [],
    destination: '/',
    exclude: [],
    parents: false,
    ...change,
  })
  return Object.assign(bench, {
    root,
    context: join(root, 'context'),
    image: join(root, 'image'),
    files,
    mount,
    request,
    async run(change: Partial<CopyRequest>) {
      const { digest } = await files.digest(request(change))
      await files.copy(mount, request(change), { expected: digest })
    },
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await sessions[Symbol.asyncDispose]()
      await dir[Symbol.asyncDispose]()
    },
  })
}

function bind(source: string, readonly: boolean): Mount {
  return { kind: 'bind', source, readonly }
}

export function chain(name: string, id = name) {
  return { kind: 'chain' as const, id, layers: async () => [name as SnapshotName] }
}
