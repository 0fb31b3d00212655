import { CoreError } from '../errors.js'
import type { GitSource } from './git-url.js'
import { failed, remoteProtocols, runGit } from './run-git.js'

/** What a ref of a repository leads to. */
export interface GitCommit {
  readonly commit: string
  /** The full name that was found; absent where a commit was named itself. */
  readonly ref?: string
  /** What the ref itself is: the commit, or an annotated tag. */
  readonly object: string
}

export interface RemoteCall {
  readonly cwd: string
  readonly config: readonly (readonly [key: string, value: string])[]
  readonly signal?: AbortSignal | undefined
}

export function isCommitId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

/** Asks the repository what a source's ref leads to. A whole commit id is not asked for.
 * @throws {CoreError} `DOWNLOAD_FAILED`, also where there is no such ref; `CHECKSUM_MISMATCH` */
export async function resolveRef(source: GitSource, call: RemoteCall): Promise<GitCommit> {
  const found = isCommitId(source.ref) ? { commit: source.ref, object: source.ref } : await askRemote(source, call)
  checkCommit(source, found)
  return found
}

async function askRemote(source: GitSource, { cwd, config, signal }: RemoteCall): Promise<GitCommit> {
  const ref = source.ref === '' ? 'HEAD' : source.ref
  const args = ['ls-remote', '--symref', '--', source.remote, ref, `${ref}^{}`]
  const output = await runGit(args, { source, cwd, protocols: remoteProtocols, config, signal })
  const found = findRef(output, source.ref)
  if (found === undefined) {
    throw failed(
      source,
      source.ref === '' ? 'the repository is empty' : `repository does not contain ref ${source.ref}`,
    )
  }
  return found
}

/** Finds what git means by a short ref in the answer of `git ls-remote --symref`: a whole name first, then a branch, then a tag. */
export function findRef(output: string, wanted: string): GitCommit | undefined {
  const objects = new Map<string, string>()
  let headRef: string | undefined
  for (const line of output.split('\n')) {
    const [object = '', name = ''] = line.split('\t')
    if (object.startsWith('ref: ')) headRef = name === 'HEAD' ? object.slice(5) : headRef
    else if (isCommitId(object)) objects.set(name, object)
  }
  if (wanted === '' || wanted === 'HEAD') {
    const object = objects.get('HEAD')
    return object === undefined ? undefined : { commit: object, object, ref: headRef ?? 'HEAD' }
  }
  const short = wanted.replace(/^refs\//, '')
  for (const ref of [`refs/${short}`, `refs/heads/${wanted}`, `refs/tags/${wanted}`]) {
    const object = objects.get(ref)
    if (object !== undefined) return { commit: objects.get(`${ref}^{}`) ?? object, object, ref }
  }
  return undefined
}

/** A checksum is the beginning of the commit's id, or of that of the annotated tag which leads to it. */
function checkCommit({ name, checksum }: GitSource, { commit, object }: GitCommit): void {
  if (checksum === undefined || checksum === '') return
  const wanted = checksum.toLowerCase()
  if (commit.startsWith(wanted) || object.startsWith(wanted)) return
  const found = commit === object ? commit : `${commit} or ${object}`
  throw new CoreError('CHECKSUM_MISMATCH', `Cannot use "${name}": expected checksum to match ${checksum}, got ${found}`)
}
