import { type ByteStream, type CallOptions, type Descriptor, formatReference, type Reference } from '@tsbuild/spec'
import type { PushBlobOptions, PushOutcome } from './api.js'
import type { Purpose } from './http/failure.js'
import type { ApiRequest, RegistryHttp } from './http/registry-http.js'
import { apiPath, pullScope, pushScope } from './paths.js'
import { throttledProgress } from './progress.js'
import { startUpload, Upload } from './upload.js'

/** Whether the repository has the blob. */
export async function hasBlob(
  http: RegistryHttp,
  reference: Reference,
  { digest }: Pick<Descriptor, 'digest'>,
  { signal }: CallOptions,
  scopes: readonly string[] = [pullScope(reference.repository)],
): Promise<boolean> {
  const what = `Cannot look for blob ${digest} of "${formatReference(reference)}"`
  const request: ApiRequest = {
    registry: reference.registry,
    method: 'HEAD',
    target: apiPath(reference, 'blobs', digest),
    scopes,
    signal,
  }
  const response = await http.call(request, { what, host: reference.registry, notFound: 'BLOB_NOT_FOUND' }, [200, 404])
  response.discard()
  return response.status === 200
}

/** Brings a blob to a repository: it is there, or mounted from another one, or sent. */
export async function pushBlob(
  http: RegistryHttp,
  reference: Reference,
  descriptor: Descriptor,
  open: (offset: number) => ByteStream,
  { signal, onProgress, mountFrom = [] }: PushBlobOptions,
): Promise<PushOutcome> {
  const report = throttledProgress(onProgress, descriptor.size)
  const scopes = [pushScope(reference.repository)]
  if (await hasBlob(http, reference, descriptor, { ...(signal === undefined ? {} : { signal }) }, scopes)) {
    report(descriptor.size)
    return 'exists'
  }
  const purpose: Purpose = {
    what: `Cannot push blob ${descriptor.digest} of "${formatReference(reference)}"`,
    host: reference.registry,
    notFound: 'REPOSITORY_NOT_FOUND',
  }
  const candidates = mountFrom.filter((repository) => repository !== reference.repository).slice(0, 3)
  const upload = new Upload(http, reference, descriptor, open, { signal, purpose, report })
  for (const from of candidates.length === 0 ? [undefined] : candidates) {
    // A registry that cannot mount opens an upload instead: the last one is used.
    await upload.cancel()
    const location = await startUpload(
      http,
      reference,
      { signal, purpose },
      from === undefined ? undefined : { digest: descriptor.digest, from },
    )
    if (location === 'mounted') {
      report(descriptor.size)
      return 'mounted'
    }
    upload.location = location
  }
  await upload.send()
  return 'pushed'
}
