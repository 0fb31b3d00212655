export type {
  BlobSink,
  Credentials,
  FetchedManifest,
  PushBlobOptions,
  PushOutcome,
  RegistryClient,
  RegistryClientOptions,
  RegistryHost,
  ResolvedImage,
  RetryOptions,
  TransferOptions,
} from './api.js'
export { type CredentialStore, type KeptCredentials, openCredentialStore } from './auth/credential-store.js'
export { createRegistryClient } from './client.js'
export { RegistryError, type RegistryErrorCode } from './errors.js'
export type { AccessRecord, RegistryAuth, RegistryServer, RegistryServerOptions } from './server/api.js'
export { createRegistryServer } from './server/create-server.js'
