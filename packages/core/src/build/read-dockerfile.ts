import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parseIgnoreFile, suggest } from '@tsbuild/parser'
import type { CallOptions } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import type { HttpSession } from '../files/index.js'
import { redactUrl } from '../files/redact-url.js'
import { dockerfileLimit } from './stream-context.js'

export interface DockerfileText {
  /** As messages name it. */
  readonly file: string
  /** Absolute; absent when the text was given itself. */
  readonly path?: string
  readonly text: string
}

export interface DockerfileRequest {
  readonly context: string
  readonly dockerfile?: string
  readonly dockerfileText?: string
  /** Where the Dockerfile is fetched from. */
  readonly url?: string
  readonly signal?: AbortSignal
}

/** Checks that the context is a directory, and gives its absolute path.
 * @throws {CoreError} `CONTEXT_NOT_FOUND` */
export async function checkContext(context: string): Promise<string> {
  const path = resolve(context)
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return path
  const state = found === undefined ? 'no such directory' : 'not a directory'
  throw new CoreError('CONTEXT_NOT_FOUND', `Cannot use context "${context}": ${state}`)
}

/** Reads the Dockerfile: the text itself, the path that was given, or `Dockerfile` (else `dockerfile`) in the context.
 * @throws {CoreError} `DOCKERFILE_NOT_FOUND`, with the nearest name as hint */
export async function readDockerfile(
  { context, dockerfile, dockerfileText, url, signal }: DockerfileRequest,
  http: HttpSession,
): Promise<DockerfileText> {
  if (dockerfileText !== undefined) return { file: 'Dockerfile', text: dockerfileText }
  if (url !== undefined) return await fetchDockerfile(url, http, signal === undefined ? {} : { signal })
  if (dockerfile !== undefined) {
    const inContext = resolve(context, dockerfile)
    const given = resolve(dockerfile)
    for (const path of new Set([given, inContext])) {
      const text = await readText(path)
      if (text !== undefined) return { file: basename(dockerfile), path, text }
    }
    throw await notFound(dockerfile, given)
  }
  for (const name of ['Dockerfile', 'dockerfile']) {
    const path = join(context, name)
    const text = await readText(path)
    if (text !== undefined) return { file: name, path, text }
  }
  throw await notFound('Dockerfile', join(context, 'Dockerfile'))
}

async function fetchDockerfile(url: string, http: HttpSession, options: CallOptions): Promise<DockerfileText> {
  const { path, name, size } = await http.fetch(url, undefined, options)
  if (size > dockerfileLimit) {
    throw new CoreError('DOCKERFILE_INVALID', `Cannot read Dockerfile "${redactUrl(url)}": it has ${size} bytes`)
  }
  return { file: name, text: await readFile(path, 'utf8') }
}

/** Patterns of `<Dockerfile>.dockerignore` beside the Dockerfile, else of `.dockerignore` in the context. */
export async function readIgnorePatterns(context: string, dockerfile: string | undefined): Promise<string[]> {
  const own = dockerfile === undefined ? undefined : await readText(`${dockerfile}.dockerignore`)
  const text = own ?? (await readText(join(context, '.dockerignore')))
  return text === undefined ? [] : parseIgnoreFile(text)
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new CoreError('DOCKERFILE_NOT_FOUND', `Cannot read "${path}": ${(cause as Error).message}`, { cause })
  }
}

async function notFound(name: string, path: string): Promise<CoreError> {
  const names = await readdir(dirname(path)).catch(() => [])
  const near = suggest(basename(path), names) ?? names.find((entry) => /dockerfile|containerfile/i.test(entry))
  const hint = near === undefined ? 'Name another one with --file' : `Did you mean "${join(dirname(name), near)}"?`
  return new CoreError('DOCKERFILE_NOT_FOUND', `Cannot read Dockerfile "${name}": no such file in ${dirname(path)}`, {
    hint,
  })
}
