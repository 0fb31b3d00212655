import type { Digest } from '@tsbuild/spec'
import { RemoteCacheError } from '../errors.js'
import type { S3CacheOptions } from '../options.js'

/** Where the objects of a cache are. */
export interface S3Place {
  readonly bucket: string
  /** The record is written under all of these and read from the first. */
  readonly names: readonly [string, ...string[]]
  blobKey(digest: Digest): string
  nameKey(name: string): string
}

/** @throws {RemoteCacheError} `CACHE_OPTION_INVALID` */
export function s3Place(options: S3CacheOptions): S3Place {
  const { bucket, prefix = '', blobsPrefix = 'blobs/', manifestsPrefix = 'manifests/', names = ['tsbuild'] } = options
  if (bucket === '') throw invalid('bucket', 'it is empty')
  if (bucket.includes('/')) throw invalid('bucket', 'it has a "/"; folders are named by the prefix')
  const [first, ...others] = names
  if (first === undefined || names.includes('')) throw invalid('name', 'it is empty')
  if (`${blobsPrefix}sha256:` === manifestsPrefix) throw invalid('manifests prefix', 'it would hide blobs')
  if ((options.accessKeyId === undefined) !== (options.secretAccessKey === undefined))
    throw invalid('access key', 'its id and the secret key go together')
  checkEndpoint(options.endpointUrl)
  return {
    bucket,
    names: [first, ...others],
    blobKey: (digest) => `${prefix}${blobsPrefix}${digest}`,
    nameKey: (name) => `${prefix}${manifestsPrefix}${name}`,
  }
}

function checkEndpoint(endpointUrl: string | undefined): void {
  if (endpointUrl === undefined) return
  const url = URL.canParse(endpointUrl) ? new URL(endpointUrl) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid('endpoint URL', 'not http(s)://host[:port]')
  if (url.username !== '' || url.password !== '') throw invalid('endpoint URL', 'it holds credentials')
}

function invalid(option: string, state: string): RemoteCacheError {
  return new RemoteCacheError('CACHE_OPTION_INVALID', `Cannot use ${option} of an S3 cache: ${state}`)
}
