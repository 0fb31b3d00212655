import { access, lstat, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CoreError } from '../errors.js'
import { objectFormat } from './git-mirror.js'
import type { GitCommit } from './git-refs.js'
import type { GitSource } from './git-url.js'
import { remoteProtocols, runGit } from './run-git.js'

export interface CheckoutCall {
  /** Mirror that has the commit. */
  readonly mirror: string
  /** Empty folder for the files. */
  readonly directory: string
  readonly keepGitDir: boolean
  readonly config: readonly (readonly [key: string, value: string])[]
  readonly signal?: AbortSignal | undefined
}

/** Checks a commit out of a mirror, and its submodules from where they are.
 * @throws {CoreError} `DOWNLOAD_FAILED`, `COPY_SOURCE_NOT_FOUND` where the folder that was asked for is missing */
export async function checkout(
  source: GitSource,
  { commit, ref, object }: GitCommit,
  call: CheckoutCall,
): Promise<void> {
  const { mirror, directory: cwd, keepGitDir, signal } = call
  const git = (...args: string[]) => runGit(args, { source, cwd, signal })
  await git('init', '-q', '--template=', `--object-format=${objectFormat(commit)}`)
  await git('config', 'remote.origin.url', source.remote)
  if (keepGitDir) {
    const keep = ref !== undefined && /^refs\/(?:heads|tags)\/./.test(ref) ? [`+${object}:${ref}`] : [object]
    const from = ['--depth=1', '--no-tags', '--update-head-ok', '--no-write-fetch-head', pathToFileURL(mirror).href]
    await runGit(['fetch', '-q', ...from, ...keep], { source, cwd, protocols: ['file'], signal })
  } else {
    // Its objects are read where they are: this folder's git directory lives no longer than the checkout.
    await mkdir(join(cwd, '.git', 'objects', 'info'), { recursive: true })
    await writeFile(join(cwd, '.git', 'objects', 'info', 'alternates'), `${join(mirror, 'objects')}\n`)
    if (await exists(join(mirror, 'shallow'))) await writeFile(join(cwd, '.git', 'shallow'), `${commit}\n`)
  }
  await git('checkout', '-q', '-f', '--detach', commit)
  if (source.submodules && (await exists(join(cwd, '.gitmodules')))) {
    await updateSubmodules(source, call)
    if (!keepGitDir) await removeSubmoduleLinks(source, call)
  }
  if (!keepGitDir) await rm(join(cwd, '.git'), { recursive: true, force: true })
  if (source.subdir !== '') await checkSubdir(source, cwd)
}

async function updateSubmodules(source: GitSource, { directory: cwd, config, signal }: CheckoutCall): Promise<void> {
  const update = (...depth: string[]) =>
    runGit(['submodule', '--quiet', 'update', '--init', '--recursive', ...depth], {
      source,
      cwd,
      protocols: remoteProtocols,
      config,
      signal,
    })
  try {
    await update('--depth=1')
  } catch {
    // A plain file server can't give just the newest commit; git says so in a line that is not its last.
    signal?.throwIfAborted()
    await update()
  }
}

/** Each submodule has a file that leads to its git directory, which won't be there. */
async function removeSubmoduleLinks(source: GitSource, { directory: cwd, signal }: CheckoutCall): Promise<void> {
  const args = ['submodule', '--quiet', 'foreach', '--recursive', 'printf "%s\\0" "$displaypath"']
  const paths = await runGit(args, { source, cwd, signal })
  for (const path of paths.split('\0')) if (path !== '') await rm(join(cwd, path, '.git'), { force: true })
}

/** A link in the way could lead out of the checkout. */
async function checkSubdir({ name, subdir }: GitSource, directory: string): Promise<void> {
  let path = directory
  for (const part of subdir.split('/')) {
    path = join(path, part)
    const found = await lstat(path).catch(() => undefined)
    if (found?.isDirectory() === true) continue
    const state = found === undefined ? 'no such folder in the repository' : 'not a folder'
    throw new CoreError('COPY_SOURCE_NOT_FOUND', `Cannot use folder "${subdir}" of "${name}": ${state}`)
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
