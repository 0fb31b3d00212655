export { RemoteCacheError, type RemoteCacheErrorCode } from './errors.js'
export { openLocalCache } from './local/local-cache.js'
export type {
  CacheBlobIngest,
  CacheBlobSink,
  CacheRegistryClient,
  InlineCache,
  InlineCacheOptions,
  LocalCacheOptions,
  RegistryCacheOptions,
  S3CacheOptions,
} from './options.js'
export { openRegistryCache, type RegistryCache } from './registry/registry-cache.js'
export { openS3Cache } from './s3/s3-cache.js'
