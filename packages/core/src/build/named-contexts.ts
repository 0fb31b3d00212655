import { formatReference, parseReference } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import type { NamedContext } from '../frontend/named-context.js'
import { checkContext, readIgnorePatterns } from './read-dockerfile.js'

const imagePrefix = 'docker-image://'

/** Opens the contexts that a build names besides its own: directories, each with its own `.dockerignore`, and images.
 * @throws {CoreError} `CONTEXT_NOT_FOUND`, `UNSUPPORTED` */
export async function openNamedContexts(
  given: Readonly<Record<string, string>>,
): Promise<(name: string) => NamedContext | undefined> {
  const contexts = new Map<string, NamedContext>()
  for (const [name, value] of Object.entries(given)) contexts.set(contextKey(name), await openOne(name, value))
  return (name) => (contexts.size === 0 ? undefined : contexts.get(contextKey(name)))
}

async function openOne(name: string, value: string): Promise<NamedContext> {
  if (value.startsWith(imagePrefix)) return { kind: 'image', reference: value.slice(imagePrefix.length) }
  if (/^[a-z][a-z-]*:/.test(value)) {
    throw new CoreError('UNSUPPORTED', `Cannot use "${value}" as build context "${name}": not a kind that is known`, {
      hint: `Give a directory, or ${imagePrefix}NAME`,
    })
  }
  const directory = await checkContext(value)
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
