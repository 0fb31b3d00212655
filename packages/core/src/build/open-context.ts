import { lstat, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { type GitSession, type GitSource, isGitUrl, parseGitUrl, redactGitUrl } from '../git/index.js'
import { outputStep } from './output-step.js'
import { checkContext, type DockerfileRequest } from './read-dockerfile.js'
import { receiveContext } from './stream-context.js'

/** The files of a context, where they lie now; disposing it removes those that were fetched for it. */
export interface OpenContext extends AsyncDisposable {
  readonly directory: string
  /** Set when the context is the Dockerfile itself. */
  readonly dockerfileText?: string
  /** Where a context that is no directory came from, without credentials. */
  readonly origin?: string
}

export interface OpenContextServices {
  readonly parts: Pick<EngineParts, 'contextsDirectory'>
  readonly git: GitSession
}

/** Opens a context: a directory, a stream, a git repository, or an archive or a Dockerfile by HTTP.
 * @throws {CoreError} `CONTEXT_NOT_FOUND`, `GIT_URL_INVALID`, `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `COPY_SOURCE_NOT_FOUND`,
 * `ARCHIVE_INVALID`, `DOCKERFILE_INVALID` */
export async function openContext(
  { parts, git }: OpenContextServices,
  { context = '.', buildArgs, signal, onEvent = () => {} }: BuildOptions,
): Promise<OpenContext> {
  if (typeof context !== 'string') {
    const streamed = await receiveContext(context, parts.contextsDirectory(), signal)
    return { ...streamed, origin: 'stream' }
  }
  const remote = await remoteKind(context)
  if (remote === undefined) return { directory: await checkContext(context), [Symbol.asyncDispose]: async () => {} }
  const origin = redactGitUrl(context)
  const fetchIt = async () => {
    if (remote === 'git') return await git.checkout(gitSource(context, buildArgs), { signal })
    const { openUrl } = await import('../files/http-get.js')
    const response = await openUrl(context, { 'user-agent': 'tsbuild' }, signal)
    return await receiveContext(response, parts.contextsDirectory(), signal)
  }
  let fetched: Fetched | undefined
  const what = remote === 'git' ? `load git source ${origin}` : `load remote build context ${origin}`
  await outputStep(onEvent, `[internal] ${what}`, async () => {
    fetched = await fetchIt()
  })
  if (fetched === undefined) throw new TypeError('the context was not fetched')
  return { ...fetched, origin }
}

type Fetched = Omit<OpenContext, 'origin'>

function gitSource(context: string, buildArgs: BuildOptions['buildArgs']): GitSource {
  const source = parseGitUrl(/^github\.com\//.test(context) ? `https://${context}` : context)
  const keep = /^(?:1|t|true)$/i.test(buildArgs?.BUILDKIT_CONTEXT_KEEP_GIT_DIR ?? '')
  return keep ? { ...source, keepGitDir: true } : source
}

/** What lies on the disk comes first, as in Docker: only then may `github.com/…` or `host:path` be something else. */
async function remoteKind(context: string): Promise<'git' | 'http' | undefined> {
  const git = isGitUrl(context) || /^github\.com\/./.test(context)
  const http = /^https?:\/\//i.test(context)
  if (!git && !http) return undefined
  const isLocal = !/^[a-z]+:\/\//i.test(context) && (await lstat(context).catch(() => undefined)) !== undefined
  if (isLocal) return undefined
  return git ? 'git' : 'http'
}

/** The Dockerfile of a context that was fetched lies in it, or is it.
 * @throws {CoreError} `DOCKERFILE_NOT_FOUND` where a link leads out of such a context */
export async function dockerfileRequest(
  options: BuildOptions,
  { directory, dockerfileText, origin }: OpenContext,
): Promise<DockerfileRequest> {
  const text = options.dockerfileText ?? dockerfileText
  const base = { context: directory, ...(text === undefined ? {} : { dockerfileText: text }) }
  const { dockerfile } = options
  if (origin === undefined) return { ...base, ...(dockerfile === undefined ? {} : { dockerfile }) }
  if (text === undefined) {
    for (const name of dockerfile === undefined ? ['Dockerfile', 'dockerfile'] : [dockerfile])
      await checkInside(directory, name)
  }
  return { ...base, ...(dockerfile === undefined ? {} : { dockerfile: join(directory, dockerfile) }) }
}

async function checkInside(directory: string, name: string): Promise<void> {
  const path = await realpath(join(directory, name)).catch(() => undefined)
  if (path === undefined || path.startsWith(`${await realpath(directory)}/`)) return
  throw new CoreError('DOCKERFILE_NOT_FOUND', `Cannot read Dockerfile "${name}": it leads out of the context`)
}
