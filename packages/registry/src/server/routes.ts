import { Failure } from './failure.js'
import { checkName } from './grammar.js'

/** What a path of the API leads to (distribution spec, "Endpoints"). */
export type Route =
  | { readonly kind: 'version' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string }

/** Repositories may have `blobs` or `tags` in their names, so the last of these words counts. */
const inRepository =
  /^\/v2\/(.+)\/(?:(blobs\/uploads)\/?|blobs\/uploads\/([^/]+)|(tags)\/list|(blobs|manifests|referrers)\/([^/]+))$/

const uploadId = /^[0-9a-f]{32}$/

/** @param path of the URL, percent-encoded
 * @throws {Failure} `NAME_INVALID`, `BLOB_UPLOAD_UNKNOWN`, `UNSUPPORTED` (404) */
export function findRoute(path: string): Route {
  const text = decodePath(path)
  if (text === '/v2/' || text === '/v2') return { kind: 'version' }
  if (text === '/v2/_catalog') return { kind: 'catalog' }
  const match = inRepository.exec(text)
  if (match === null) throw new Failure(404, 'UNSUPPORTED', 'no such endpoint')
  const [, name = '', uploads, id, tags, kind, item = ''] = match
  const repository = checkName(name)
  if (uploads !== undefined) return { kind: 'uploads', repository }
  if (id !== undefined) {
    if (!uploadId.test(id)) throw new Failure(404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload')
    return { kind: 'upload', repository, id }
  }
  if (tags !== undefined) return { kind: 'tags', repository }
  if (kind === 'blobs') return { kind: 'blob', repository, digest: item }
  if (kind === 'manifests') return { kind: 'manifest', repository, reference: item }
  return { kind: 'referrers', repository, digest: item }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new Failure(404, 'UNSUPPORTED', 'no such endpoint')
  }
}
