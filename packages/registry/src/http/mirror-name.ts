import { parseReference, type Reference } from '@tsbuild/spec'
import { RegistryError } from '../errors.js'

/** Another registry that has (some of) a registry's images. */
export interface Mirror {
  readonly registry: string
  /** Stands before the repository, with its slash; often empty. */
  readonly prefix: string
}

/** Reads `host[:port][/path]`, an https URL included.
 * @throws {RegistryError} `SETTINGS_INVALID` */
export function parseMirror(text: string, registry: string): Mirror {
  const fail = (why: string, hint?: string) =>
    new RegistryError(
      'SETTINGS_INVALID',
      `Cannot use mirror "${text.replace(/\/\/[^/]*@/, '//').slice(0, 200)}" of registry "${registry}": ${why}`,
      hint === undefined ? {} : { hint },
    )
  if (/^http:/i.test(text))
    throw fail('it is named with http://', 'Name the host alone, and give it "plainHttp": true among the registries')
  const [host = '', ...path] = text
    .replace(/^https:\/\//i, '')
    .replace(/\/+$/, '')
    .split('/')
  const prefix = path.map((part) => `${part}/`).join('')
  let parsed: Reference
  try {
    parsed = parseReference(`${host}/${prefix}x`)
  } catch (cause) {
    throw fail(`it is not host[:port][/path]`, cause instanceof Error ? cause.message : undefined)
  }
  if (parsed.registry !== host || parsed.repository !== `${prefix}x`)
    throw fail('it does not begin with a registry host')
  return { registry: host, prefix }
}

/** The same image in a mirror. */
export function inMirror(reference: Reference, { registry, prefix }: Mirror): Reference {
  return { ...reference, registry, repository: `${prefix}${reference.repository}` }
}
