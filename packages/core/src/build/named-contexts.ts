import { formatReference, parseReference } from '@tsbuild/spec'
import type { BuildOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import type { NamedContext } from '../frontend/named-context.js'
import { parseGitUrl, redactGitUrl } from '../git/index.js'
import { type FetchServices, fetchRepository, fetchTree, type RemoteKind, remoteKind } from './fetch-context.js'
import { layoutPrefix, openLayoutContext } from './layout-context.js'
import { outputStep } from './output-step.js'
import { checkContext, readIgnorePatterns } from './read-dockerfile.js'

const imagePrefix = 'docker-image://'
const targetPrefix = 'target:'

/** The contexts that a build names besides its own; disposing them removes what was fetched. */
export interface NamedContexts extends AsyncDisposable {
  has(name: string): boolean
  /** The context of that name; what is far away is fetched when it is first asked for. */
  find(name: string): Promise<NamedContext | undefined>
}

export interface NamedContextServices extends FetchServices {
  readonly parts: EngineParts
}

type Open = () => Promise<NamedContext>

/** Checks what the contexts are: directories (each with its own `.dockerignore`), images, OCI image layouts, stages, git repositories,
 * archives by HTTP.
 * @throws {CoreError} `CONTEXT_NOT_FOUND`, `OPTION_INVALID`, `GIT_URL_INVALID`, {SpecError} `REFERENCE_INVALID` */
export async function openNamedContexts(services: NamedContextServices, options: BuildOptions): Promise<NamedContexts> {
  const openers = new Map<string, Open>()
  const opened = new Map<string, Promise<NamedContext>>()
  const fetched: AsyncDisposable[] = []
  for (const [name, value] of Object.entries(options.buildContexts ?? {})) {
    openers.set(contextKey(name), await openerOf(name, value, { services, options, fetched }))
  }
  return {
    has: (name) => openers.size > 0 && openers.has(contextKey(name)),
    async find(name) {
      if (openers.size === 0) return undefined
      const key = contextKey(name)
      const known = opened.get(key) ?? openers.get(key)?.()
      if (known !== undefined) opened.set(key, known)
      return await known
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(opened.values())
      for (const one of fetched.splice(0)) await one[Symbol.asyncDispose]()
    },
  }
}

interface OpenerContext {
  readonly services: NamedContextServices
  readonly options: BuildOptions
  readonly fetched: AsyncDisposable[]
}

/** Whatever can be said of a value without fetching it is said here. */
async function openerOf(name: string, value: string, context: OpenerContext): Promise<Open> {
  if (value.startsWith(imagePrefix)) {
    const reference = value.slice(imagePrefix.length)
    if (reference !== 'scratch') parseReference(reference)
    return async () => ({ kind: 'image', reference })
  }
  if (value.startsWith(targetPrefix)) {
    const target = value.slice(targetPrefix.length)
    if (target === '') throw new CoreError('OPTION_INVALID', `Cannot use build context "${name}": it names no stage`)
    return async () => ({ kind: 'stage', target })
  }
  if (value.startsWith(layoutPrefix)) {
    const layout = await openLayoutContext(name, value, context.services.parts, context.options)
    return async () => layout
  }
  const remote = await remoteKind(value)
  if (remote !== undefined) return remoteOpener(name, value, remote, context)
  if (/^[a-z][a-z-]*:/.test(value)) {
    throw new CoreError('UNSUPPORTED', `Cannot use "${value}" as build context "${name}": not a kind that is known`, {
      hint: `Give a directory, ${imagePrefix}NAME, ${layoutPrefix}DIR, ${targetPrefix}STAGE, or the URL of a git repository or an archive`,
    })
  }
  const directory = await checkContext(value)
  return async () => await directoryContext(name, directory)
}

function remoteOpener(name: string, value: string, remote: RemoteKind, context: OpenerContext): Open {
  const { services, options, fetched } = context
  const origin = redactGitUrl(value)
  if (remote === 'git') parseGitUrl(/^github\.com\//.test(value) ? `https://${value}` : value)
  const fetchIt = remote === 'git' ? fetchRepository : fetchTree
  const what = remote === 'git' ? `load git source ${origin}` : `load remote build context ${origin}`
  return async () => {
    const tree = await outputStep(options.onEvent ?? (() => {}), `[context ${name}] ${what}`, () =>
      fetchIt(services, value, options),
    )
    fetched.push(tree)
    return await directoryContext(name, tree.directory)
  }
}

async function directoryContext(name: string, directory: string): Promise<NamedContext> {
  return { kind: 'directory', name, directory, ignore: await readIgnorePatterns(directory, undefined) }
}

/** A context replaces an image however its name is spelled: `busybox` is `docker.io/library/busybox:latest`. */
function contextKey(name: string): string {
  const lower = name.toLowerCase()
  try {
    return formatReference(parseReference(lower))
  } catch {
    return lower
  }
}
