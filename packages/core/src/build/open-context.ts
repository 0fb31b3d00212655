import { realpath } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import type { DockerfileOptions } from '../api.js'
import { CoreError } from '../errors.js'
import { redactGitUrl } from '../git/index.js'
import { type FetchServices, fetchArchive, fetchRepository, isHttpUrl, remoteKind } from './fetch-context.js'
import { outputStep } from './output-step.js'
import { checkContext, type DockerfileRequest } from './read-dockerfile.js'
import { receiveContext } from './stream-context.js'

/** Origin of what came as a stream. */
const streamed = 'stream'

/** The files of a context, where they lie now; disposing it removes those that were fetched for it. */
export interface OpenContext extends AsyncDisposable {
  readonly directory: string
  /** Set when the context is the Dockerfile itself. */
  readonly dockerfileText?: string
  /** Where a context that is no directory came from, without credentials. */
  readonly origin?: string
}

/** Opens a context: a directory, a stream, a git repository, or an archive or a Dockerfile by HTTP.
 * @throws {CoreError} `CONTEXT_NOT_FOUND`, `GIT_URL_INVALID`, `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `COPY_SOURCE_NOT_FOUND`,
 * `ARCHIVE_INVALID`, `DOCKERFILE_INVALID` */
export async function openContext(services: FetchServices, options: DockerfileOptions): Promise<OpenContext> {
  const { context = '.', signal, onEvent = () => {} } = options
  if (typeof context !== 'string') {
    const received = await receiveContext(context, services.parts.contextsDirectory(), signal)
    return { ...received, origin: streamed }
  }
  const remote = await remoteKind(context)
  if (remote === undefined) return { directory: await checkContext(context), [Symbol.asyncDispose]: async () => {} }
  const origin = redactGitUrl(context)
  const what = remote === 'git' ? `load git source ${origin}` : `load remote build context ${origin}`
  const fetchIt = remote === 'git' ? fetchRepository : fetchArchive
  return { ...(await outputStep(onEvent, `[internal] ${what}`, () => fetchIt(services, context, options))), origin }
}

/** The Dockerfile of a context that was fetched lies in it, or is it; an absolute path is the disk's, unless the context is a stream.
 * @throws {CoreError} `DOCKERFILE_NOT_FOUND` where a link leads out of such a context */
export async function dockerfileRequest(
  options: DockerfileOptions,
  { directory, dockerfileText, origin }: OpenContext,
): Promise<DockerfileRequest> {
  const text = options.dockerfileText ?? dockerfileText
  const base = { context: directory, ...(text === undefined ? {} : { dockerfileText: text }) }
  const { dockerfile } = options
  if (text === undefined && dockerfile !== undefined && isHttpUrl(dockerfile)) {
    return { ...base, url: dockerfile, ...(options.signal === undefined ? {} : { signal: options.signal }) }
  }
  const onDisk = origin !== streamed && dockerfile !== undefined && isAbsolute(dockerfile)
  if (origin === undefined || onDisk) return { ...base, ...(dockerfile === undefined ? {} : { dockerfile }) }
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
