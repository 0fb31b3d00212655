import type { Reference } from '@tsbuild/spec'

/** The API's path of something in a repository (distribution spec, "Endpoints"). */
export function apiPath(
  { repository }: Pick<Reference, 'repository'>,
  kind: 'manifests' | 'blobs',
  id: string,
): string {
  return `/v2/${repository}/${kind}/${id}`
}

/** Scopes as the token spec writes them. */
export function pullScope(repository: string): string {
  return `repository:${repository}:pull`
}

export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`
}
