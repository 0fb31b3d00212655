import { parseReference, type Reference } from '@tsbuild/spec'
import { CoreError } from '../errors.js'

/** Parses the name of a repository, which has neither tag nor digest.
 * @throws {CoreError} `OPTION_INVALID`, {SpecError} `REFERENCE_INVALID` */
export function repositoryOf(name: string, verb: string): Reference {
  const { registry, repository, digest } = parseReference(name)
  const last = name.slice(name.lastIndexOf('/') + 1)
  if (digest !== undefined || last.includes(':')) {
    throw new CoreError('OPTION_INVALID', `Cannot ${verb} all tags of "${name}": it names one of them`, {
      hint: 'Give the repository alone',
    })
  }
  return { registry, repository }
}
