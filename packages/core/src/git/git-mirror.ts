import { access, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CoreError } from '../errors.js'
import type { GitCommit } from './git-refs.js'
import type { GitSource } from './git-url.js'
import { failed, remoteProtocols, runGit } from './run-git.js'

export interface MirrorCall {
  /** The bare repository; made when it is missing. */
  readonly directory: string
  readonly config: readonly (readonly [key: string, value: string])[]
  readonly signal?: AbortSignal | undefined
}

/** Makes sure that a bare mirror has a commit and its files, with as little fetched as the server allows. To be called under a lock.
 * @throws {CoreError} `DOWNLOAD_FAILED` */
export async function fetchCommit(source: GitSource, wanted: GitCommit, call: MirrorCall): Promise<void> {
  const known = await access(join(call.directory, 'HEAD')).then(
    () => true,
    () => false,
  )
  if (!known) await create(source, wanted, call)
  else if (await hasCommit(source, wanted, call)) return
  try {
    await fetchInto(source, wanted, call)
  } catch (error) {
    call.signal?.throwIfAborted()
    if (!known) {
      await rm(call.directory, { recursive: true, force: true })
      throw error
    }
    // What an earlier process left (lock files, refs that are in the way) must not stand in the way for good.
    await create(source, wanted, call)
    await fetchInto(source, wanted, call)
  }
}

async function create(source: GitSource, { commit }: GitCommit, { directory, signal }: MirrorCall): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const format = `--object-format=${objectFormat(commit)}`
  await runGit(['init', '-q', '--bare', '--template=', format, '.'], { source, cwd: directory, signal })
}

/** `sha1` or `sha256`, by the length of an id. */
export function objectFormat(id: string): string {
  return id.length === 64 ? 'sha256' : 'sha1'
}

async function fetchInto(source: GitSource, wanted: GitCommit, call: MirrorCall): Promise<void> {
  const { ref, object } = wanted
  if (ref !== undefined) await fetch(source, call, [`+${ref}:refs/mirror/${ref.replace(/^refs\//, '')}`])
  else {
    try {
      await fetch(source, call, [`+${object}:refs/mirror/commits/${object}`])
    } catch {
      call.signal?.throwIfAborted()
    }
  }
  if (await hasCommit(source, wanted, call)) return
  // Not every server gives out a commit by its id, and a branch may have moved since it was asked.
  await fetch(source, call, ['+refs/*:refs/mirror/*'], true)
  if (!(await hasCommit(source, wanted, call)))
    throw failed(source, `repository does not contain commit ${wanted.commit}`)
}

async function fetch(source: GitSource, call: MirrorCall, refs: readonly string[], whole = false): Promise<void> {
  const { directory: cwd, config, signal } = call
  const shallow = await access(join(cwd, 'shallow')).then(
    () => true,
    () => false,
  )
  const depth = whole ? (shallow ? ['--unshallow'] : []) : ['--depth=1']
  const run = (options: readonly string[]) =>
    runGit(['fetch', '-q', '--no-tags', '--no-write-fetch-head', ...options, '--', source.remote, ...refs], {
      source,
      cwd,
      protocols: remoteProtocols,
      config,
      signal,
    })
  try {
    await run(depth)
  } catch (error) {
    if (whole || !(error instanceof CoreError) || !/shallow|--depth/.test(error.message)) throw error
    await run([])
  }
}

/** Whether the mirror has the commit, and the annotated tag that leads to it. */
async function hasCommit(
  source: GitSource,
  { commit, object }: GitCommit,
  { directory, signal }: MirrorCall,
): Promise<boolean> {
  try {
    for (const id of new Set([`${commit}^{commit}`, object === commit ? `${commit}^{commit}` : object])) {
      await runGit(['cat-file', '-e', id], { source, cwd: directory, signal })
    }
    return true
  } catch {
    signal?.throwIfAborted()
    return false
  }
}
