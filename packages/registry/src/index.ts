export type {
  BlobSink,
  Credentials,
  FetchedManifest,
  PushBlobOptions,
  PushOutcome,
  RegistryClient,
  RegistryClientOptions,
  ResolvedImage,
  RetryOptions,
  TransferOptions,
} from './api.js'
export { createRegistryClient } from './client.js'
export { RegistryError, type RegistryErrorCode } from './errors.js'
