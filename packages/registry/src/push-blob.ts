import { type ByteStream, type CallOptions, type Descriptor, formatReference, type Reference } from '@tsbuild/spec'
import type { PushBlobOptions, PushOutcome } from './api.js'
import { RegistryError, type RegistryErrorCode } from './errors.js'
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

const unmountable: readonly RegistryErrorCode[] = ['REGISTRY_UNAUTHORIZED', 'REGISTRY_DENIED', 'REPOSITORY_NOT_FOUND']

/** Brings a blob to a repository: it is there, or mounted from another one, or sent. */
export async function pushBlob(
  http: RegistryHttp,
  reference: Reference,
  descriptor: Descriptor,
  open: (offset: number) => ByteStream,
  { signal, onProgress, onMounted, mountFrom = [] }: PushBlobOptions,
): Promise<PushOutcome> {
  const report = throttledProgress(onProgress, descriptor.size)
  const scopes = [pushScope(reference.repository)]
  if (await hasBlob(http, reference, descriptor, { ...(signal === undefined ? {} : { signal }) }, scopes)) {
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
    ).catch((error: unknown) => {
      // A repository that may not be read, or is gone, is no reason not to send the blob.
      if (from !== undefined && error instanceof RegistryError && unmountable.includes(error.code)) return undefined
      throw error
    })
    if (location === 'mounted') {
      if (from !== undefined) onMounted?.(from)
      return 'mounted'
    }
    upload.location = location
  }
  await upload.send()
  return 'pushed'
}
