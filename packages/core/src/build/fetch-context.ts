import { createReadStream } from 'node:fs'
import { copyFile, lstat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { BuildOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import type { HttpSession } from '../files/index.js'
import { type GitSession, type GitSource, isGitUrl, parseGitUrl } from '../git/index.js'
import { receiveContext, type StreamedContext } from './stream-context.js'

export interface FetchServices {
  readonly parts: Pick<EngineParts, 'contextsDirectory'>
  readonly git: GitSession
  readonly http: HttpSession
}

export type RemoteKind = 'git' | 'http'

/** What lies on the disk comes first, as in Docker: only then may `github.com/…` or `host:path` be something else. */
export async function remoteKind(context: string): Promise<RemoteKind | undefined> {
  const git = isGitUrl(context) || /^github\.com\/./.test(context)
  const http = isHttpUrl(context)
  if (!git && !http) return undefined
  const isLocal = !/^[a-z]+:\/\//i.test(context) && (await lstat(context).catch(() => undefined)) !== undefined
  if (isLocal) return undefined
  return git ? 'git' : 'http'
}

export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

type FetchOptions = Pick<BuildOptions, 'buildArgs' | 'signal'>

/** Fetches a repository.
 * @throws {CoreError} `GIT_URL_INVALID`, `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `COPY_SOURCE_NOT_FOUND` */
export async function fetchRepository(
  { git }: FetchServices,
  url: string,
  { buildArgs, signal }: FetchOptions,
): Promise<StreamedContext> {
  return await git.checkout(gitSource(url, buildArgs), { signal })
}

function gitSource(context: string, buildArgs: BuildOptions['buildArgs']): GitSource {
  const source = parseGitUrl(/^github\.com\//.test(context) ? `https://${context}` : context)
  const keep = /^(?:1|t|true)$/i.test(buildArgs?.BUILDKIT_CONTEXT_KEEP_GIT_DIR ?? '')
  return keep ? { ...source, keepGitDir: true } : source
}

/** Fetches an archive, or a Dockerfile, and unpacks it. A URL that says that it is as before is not fetched again.
 * @throws {CoreError} `DOWNLOAD_FAILED`, `ARCHIVE_INVALID`, `DOCKERFILE_INVALID` */
export async function fetchArchive(
  { parts, http }: FetchServices,
  url: string,
  { signal }: FetchOptions,
): Promise<StreamedContext> {
  const { path } = await http.fetch(url, undefined, signal === undefined ? {} : { signal })
  return await receiveContext(createReadStream(path), parts.contextsDirectory(), signal)
}

/** Fetches what a further context's URL names: the files of an archive, or a directory that has the file.
 * @throws {CoreError} `DOWNLOAD_FAILED`, `ARCHIVE_INVALID` */
export async function fetchTree(
  services: FetchServices,
  url: string,
  { signal }: FetchOptions,
): Promise<StreamedContext> {
  const download = await services.http.fetch(url, undefined, signal === undefined ? {} : { signal })
  return await receiveContext(createReadStream(download.path), services.parts.contextsDirectory(), signal, {
    takePlain: (directory) => copyFile(download.path, join(directory, basename(download.name))),
  })
}
