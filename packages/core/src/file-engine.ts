import { join } from 'node:path'
import { createWorkerPool, currentBootId, type WorkerPool } from '@tsbuild/host'
import { type CallOptions, canonicalDigest, digestHex, type Mount, type Table, TsbuildError } from '@tsbuild/spec'
import { CoreError, type CoreErrorCode } from './errors.js'
import type { CopyInput, CopyOutput, CopySource } from './files/copy-task.js'
import type { DigestInput, DigestOutput, SourceDigest, TreePlace } from './files/digest-task.js'
import { type Download, Downloader, type DownloadRow, nameInUrl } from './files/download.js'
import type {
  CopyDigest,
  CopyOptions,
  DigestOptions,
  FileEngine,
  FileEngineOptions,
  MakeDirectoryOptions,
} from './files/engine.js'
import { checkChecksum, HttpSession } from './files/http-session.js'
import { Listings } from './files/listings.js'
import { MemoTable } from './files/memo-table.js'
import {
  combineDigests,
  downloadDigest,
  gitDigest,
  inlineDigest,
  type PlannedSource,
  pinnedDigest,
  planSources,
} from './files/plan.js'
import type { ChainSource, ContextSource, CopyRequest, SelectionDigest } from './files/request.js'
import type { SourceWords } from './files/select.js'
import type { LookUpUserInput, MakeDirectoryInput, Owner } from './files/target-tasks.js'
import { withChain } from './files/with-chain.js'
import type { GitCheckout, GitSession } from './git/index.js'

/** One thread scans while another copies; more of them would only wait for the disk. */
const poolSize = 2
/** Attempts at a scan while files vanish under it. */
const maxScans = 3

/** Makes the file side of an engine; threads start when they are needed. */
export function createFileEngine(options: FileEngineOptions): FileEngine {
  return new WorkerFileEngine(options)
}

class WorkerFileEngine implements FileEngine {
  readonly listings: Listings
  private readonly options: FileEngineOptions
  private readonly pool: WorkerPool
  private readonly memo: MemoTable
  private readonly chains: Table<SelectionDigest>
  private readonly downloader: Downloader

  constructor(options: FileEngineOptions) {
    const { metadata, downloads, listings, workerDir } = options
    this.listings = new Listings(listings)
    this.options = options
    this.memo = new MemoTable(metadata.binaryTable('file-memo'))
    this.chains = metadata.table<SelectionDigest>('chain-files')
    this.downloader = new Downloader({ directory: downloads, table: metadata.table<DownloadRow>('downloads') })
    this.pool = createWorkerPool({
      entry: new URL('./files-worker.js', import.meta.url),
      size: poolSize,
      name: 'tsbuild-files',
      ...(workerDir === undefined ? {} : { workerDir }),
    })
  }

  openHttp(secrets: ReadonlyMap<string, Uint8Array>): HttpSession {
    return new HttpSession(this.downloader, secrets)
  }

  warm(): void {
    this.pool.warm()
  }

  async digest(request: CopyRequest, options: DigestOptions = {}): Promise<CopyDigest> {
    const planned = planSources(request)
    const words = planned.flatMap((source) => (source.kind === 'tree' ? [source.words] : []))
    const inTree = words.length === 0 ? [] : await this.digestTree(request, words, options)
    const digests = await this.inOrder(request, planned, inTree, options)
    return combineDigests(request, planned, digests)
  }

  async copy(target: Mount, request: CopyRequest, options: CopyOptions): Promise<{ files: number; bytes: number }> {
    const fetched: Fetched = { downloads: new Map(), checkouts: [] }
    try {
      return await this.copyFetched(target, request, options, fetched)
    } finally {
      for (const checkout of fetched.checkouts) await checkout[Symbol.asyncDispose]()
    }
  }

  private async copyFetched(
    target: Mount,
    request: CopyRequest,
    options: CopyOptions,
    fetched: Fetched,
  ): Promise<{ files: number; bytes: number }> {
    const planned = planSources(request)
    const sources: CopySource[] = []
    for (const source of planned) sources.push(await this.copySource(source, request, fetched, options))
    const output = await this.withTree(request, planned, options, (tree) => {
      const input: CopyInput = {
        target,
        sources,
        destination: request.destination,
        owners: request.source.kind === 'chain',
        ...(tree === undefined ? {} : { tree }),
        ...(request.chown === undefined || request.chown === '' ? {} : { chown: request.chown }),
        ...(request.chmod === undefined || request.chmod === '' ? {} : { chmod: request.chmod }),
        ...(request.modifiedTime === undefined ? {} : { modifiedTime: request.modifiedTime }),
      }
      return this.run<CopyOutput>('copy', input, options, (message) => {
        const { bytes, total } = message as { bytes: number; total?: number }
        options.onProgress?.(bytes, total)
      })
    })
    const digests = await this.inOrder(request, planned, output.sources, options, fetched.downloads)
    const copied = combineDigests(request, planned, digests)
    if (copied.digest !== options.expected) {
      throw new CoreError('CONTEXT_CHANGED', 'Cannot copy the files: they changed between the scan and the copy', {
        hint: 'Leave the context alone while it is built',
      })
    }
    return { files: copied.files, bytes: copied.bytes }
  }

  makeDirectory(target: Mount, path: string, options: MakeDirectoryOptions = {}): Promise<{ created: boolean }> {
    const { user, mode, modifiedTime } = options
    const input: MakeDirectoryInput = {
      target,
      path,
      mode: mode ?? 0o755,
      ...(user === undefined || user === '' ? {} : { user }),
      ...(modifiedTime === undefined ? {} : { modifiedTime }),
    }
    return this.run('makeDirectory', input, options)
  }

  lookUpUser(target: Mount, user: string, options: CallOptions = {}): Promise<Owner> {
    const input: LookUpUserInput = { target, user }
    return this.run('lookUpUser', input, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]()
  }

  private digestTree(
    request: CopyRequest,
    words: readonly SourceWords[],
    options: DigestOptions,
  ): Promise<readonly SourceDigest[]> {
    const { source } = request
    return source.kind === 'context'
      ? this.digestContext(source, words, options)
      : this.digestChain(source, words, request.chown === undefined || request.chown === '', options)
  }

  private async digestContext(
    source: ContextSource,
    words: readonly SourceWords[],
    options: DigestOptions,
  ): Promise<readonly SourceDigest[]> {
    const { directory } = source
    for (let scan = 1; ; scan++) {
      const memo = { rows: await this.memo.load(directory), bootId: currentBootId(), now: Date.now() }
      const { list = false } = options
      const input: DigestInput = { tree: placeOf(source), sources: words, owners: false, memo, list }
      try {
        const { sources, changes } = await this.run<DigestOutput>('digest', input, options)
        await this.memo.save(directory, changes)
        return await this.keepListings(sources)
      } catch (error) {
        if (scan === maxScans || !(error instanceof CoreError) || error.code !== 'CONTEXT_CHANGED') throw error
      }
    }
  }

  private async digestChain(
    source: ChainSource,
    words: readonly SourceWords[],
    owners: boolean,
    options: DigestOptions,
  ): Promise<readonly SourceDigest[]> {
    const keys = words.map((selection) => chainKey(source, selection, owners))
    const all = await this.digestSelections(source, words, keys, owners, options)
    for (const [index, key] of keys.entries()) source.digests?.note(key, all[index] as SelectionDigest)
    return all
  }

  private async digestSelections(
    source: ChainSource,
    words: readonly SourceWords[],
    keys: readonly string[],
    owners: boolean,
    options: DigestOptions,
  ): Promise<readonly SelectionDigest[]> {
    const { believe = 'all' } = options
    const known = keys.map((key) => {
      const own = believe === 'nothing' ? undefined : this.chains.get(key)
      return own ?? (believe === 'all' ? source.digests?.find(key) : undefined)
    })
    const missing = words.filter((_, index) => known[index] === undefined)
    if (missing.length === 0) return known.filter((row) => row !== undefined)
    const found = await this.withChain(source, options, (mount) => {
      const input: DigestInput = { tree: { kind: 'mount', mount }, sources: missing, owners, list: true }
      return this.run<DigestOutput>('digest', input, options)
    })
    const rest = [...(await this.keepListings(found.sources))]
    const all = known.map((row) => row ?? (rest.shift() as SourceDigest))
    const read = keys.flatMap((key, index) => {
      const row = all[index]
      return row === undefined || known[index] !== undefined ? [] : [{ key, row, path: words[index]?.source ?? '' }]
    })
    await this.chains.batch(read.map(({ key, row }) => [key, row] as const))
    for (const { key, row, path } of read) {
      const said = source.digests?.find(key)
      if (said !== undefined && said.digest !== row.digest) source.digests?.disprove(key, { id: source.id, path })
    }
    return all
  }

  private async keepListings(sources: DigestOutput['sources']): Promise<SourceDigest[]> {
    for (const { digest, listing } of sources) if (listing !== undefined) await this.listings.keep(digest, listing)
    return sources.map(({ digest, files, bytes }) => ({ digest, files, bytes }))
  }

  /** Digests of all sources in order, given those of the ones in the tree. */
  private async inOrder(
    request: CopyRequest,
    planned: readonly PlannedSource[],
    inTree: readonly SourceDigest[],
    options: CallOptions,
    downloads?: ReadonlyMap<string, Download>,
  ): Promise<SourceDigest[]> {
    const rest = [...inTree]
    const out: SourceDigest[] = []
    for (const source of planned) {
      if (source.kind === 'inline') out.push(inlineDigest(source.file))
      else if (source.kind === 'tree') out.push(rest.shift() as SourceDigest)
      else if (source.kind === 'git') out.push(gitDigest(source, await gitOf(request).resolve(source.source, options)))
      else out.push(await this.downloadDigest(source.url, request, options, downloads))
    }
    return out
  }

  /** What a checksum pins needs no look at the server, unless only that knows the file's name. */
  private async downloadDigest(
    url: string,
    { checksum, http = this.openHttp(new Map()) }: CopyRequest,
    options: CallOptions,
    downloads?: ReadonlyMap<string, Download>,
  ): Promise<SourceDigest> {
    checkChecksum(checksum)
    const name = nameInUrl(url)
    if (checksum !== undefined && name !== undefined) return pinnedDigest(name, checksum)
    return downloadDigest(downloads?.get(url) ?? (await http.fetch(url, checksum, options)))
  }

  private async copySource(
    source: PlannedSource,
    request: CopyRequest,
    { downloads, checkouts }: Fetched,
    options: CallOptions,
  ): Promise<CopySource> {
    const { kind, unpack, checksum, http = this.openHttp(new Map()) } = request
    if (source.kind === 'inline') return source
    if (source.kind === 'tree') return { ...source, unpack: kind === 'add' && unpack !== false }
    if (source.kind === 'git') {
      const checkout = await gitOf(request).checkout(source.source, options)
      checkouts.push(checkout)
      return { kind: 'checkout', directory: checkout.directory, exclude: source.exclude }
    }
    const download = await http.fetch(source.url, checksum, options)
    downloads.set(source.url, download)
    const { path, name, modifiedSeconds } = download
    return {
      kind: 'download',
      path,
      name,
      unpack: unpack === true,
      ...(modifiedSeconds === undefined ? {} : { modifiedSeconds }),
    }
  }

  private withTree<T>(
    { source }: CopyRequest,
    planned: readonly PlannedSource[],
    options: CallOptions,
    use: (tree: TreePlace | undefined) => Promise<T>,
  ): Promise<T> {
    if (!planned.some(({ kind }) => kind === 'tree')) return use(undefined)
    if (source.kind === 'context') return use(placeOf(source))
    return this.withChain(source, options, (mount) => use({ kind: 'mount', mount }))
  }

  private withChain<T>(source: ChainSource, options: CallOptions, use: (mount: Mount) => Promise<T>): Promise<T> {
    const { snapshotter, downloads } = this.options
    return withChain(source, { snapshotter, directory: join(downloads, 'empty') }, options, use)
  }

  private async run<T>(
    method: string,
    input: object,
    { signal }: CallOptions,
    onMessage?: (message: unknown) => void,
  ): Promise<T> {
    try {
      return await this.pool.run<T>(method, input, {
        ...(signal === undefined ? {} : { signal }),
        ...(onMessage === undefined ? {} : { onMessage }),
      })
    } catch (error) {
      throw asCoreError(error)
    }
  }
}

/** What was fetched for one copy. */
interface Fetched {
  readonly downloads: Map<string, Download>
  readonly checkouts: GitCheckout[]
}

function gitOf({ git }: CopyRequest): GitSession {
  if (git === undefined) throw new TypeError('a request with git repositories needs a git session')
  return git
}

function placeOf({ directory, ignore }: ContextSource): TreePlace {
  return { kind: 'directory', directory, ignore: ignore ?? [] }
}

/** Results never change: their id, what is selected and whether owners count say it all. */
function chainKey({ id }: ChainSource, { source, exclude, parents, literal }: SourceWords, owners: boolean): string {
  return digestHex(canonicalDigest(['chain-files', id, source, exclude, parents, owners, literal === true]))
}

/** Errors lose their class on the way from a worker. */
export function asCoreError(error: unknown): unknown {
  if (!(error instanceof TsbuildError) || error.name !== 'CoreError') return error
  const { code, message, hint, cause } = error
  return new CoreError(code as CoreErrorCode, message, { cause, ...(hint === undefined ? {} : { hint }) })
}
