export type { CacheRecord, CacheStore, NamedInput } from './cache.js'
export type { CacheBackend, PutCacheBlobOptions } from './cache-backend.js'
export type { ByteStream, CallOptions, OnProgress } from './call-options.js'
export { type CanonicalValue, canonicalDigest, encodeCanonical } from './canonical.js'
export type { ContentIngester, ContentProvider, ContentStore, Ingest } from './content.js'
export {
  asDiffID,
  type ChainID,
  chainID,
  chainIDs,
  type DiffID,
  type Digest,
  digestFromHex,
  digestHex,
  digestOf,
  isDigest,
  parseDigest,
} from './digest.js'
export { type ErrorDetails, hasCode, SpecError, type SpecErrorCode, TsbuildError } from './errors.js'
export type { BuildEvent, OnBuildEvent, SourceRange } from './events.js'
export { faultPoint, faultVariable } from './fault-point.js'
export {
  type ContainerConfig,
  type Descriptor,
  type HealthcheckConfig,
  type HistoryEntry,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  inlineCacheMember,
} from './image.js'
export { canonicalJson, type JsonValue, parseJson } from './json.js'
export type { KeyLocks, SessionLocks } from './locks.js'
export { type Compression, isIndexType, isManifestType, layerCompression, mediaTypes } from './media-types.js'
export type { Metadata, Table } from './metadata.js'
export { type CacheTombstone, formatMiss, type MissCause } from './miss.js'
export type { BindMount, Mount, OverlayMount } from './mount.js'
export {
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformScore,
} from './platform.js'
export { familiarReference, familiarRepository, formatReference, parseReference, type Reference } from './reference.js'
export type {
  BlobUpload,
  BlobUploads,
  ManifestPut,
  ManifestPutResult,
  RepositoryBlobs,
  RepositoryListings,
  RepositoryManifest,
  RepositoryManifests,
  RepositoryStore,
} from './repositories.js'
export type {
  CgroupLimits,
  ContainerRuntime,
  ExecSpec,
  ExitStatus,
  NetworkMode,
  ProcessIdentity,
  ProcessMount,
  ProcessNetwork,
  ProcessSpec,
  ResourceLimit,
  RunningProcess,
  RunOptions,
  Runtime,
  Sandbox,
  SeccompProfile,
  SecurityMode,
  StartOptions,
  TerminalSize,
} from './runtime.js'
export type {
  ApplyOptions,
  LayerInfo,
  PackOptions,
  SnapshotKey,
  SnapshotName,
  Snapshotter,
  SnapshotUsage,
  SnapshotView,
} from './snapshot.js'
