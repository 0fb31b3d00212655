import { TsbuildError } from '@tsbuild/spec'

export type RegistryErrorCode =
  /** The host does not answer, or stopped answering, after all attempts. */
  | 'REGISTRY_UNREACHABLE'
  /** The registry wants credentials, or other ones. */
  | 'REGISTRY_UNAUTHORIZED'
  /** The credentials are right, but do not reach this far. */
  | 'REGISTRY_DENIED'
  /** The registry (or something before it) answered in a way that the distribution spec does not have. */
  | 'REGISTRY_FAILED'
  | 'TOO_MANY_REQUESTS'
  | 'REPOSITORY_NOT_FOUND'
  | 'MANIFEST_NOT_FOUND'
  | 'MANIFEST_INVALID'
  /** A manifest of a kind that is not read here: Docker's schema 1, artifacts. */
  | 'MANIFEST_UNSUPPORTED'
  | 'PLATFORM_NOT_FOUND'
  | 'BLOB_NOT_FOUND'
  | 'BLOB_TRUNCATED'
  | 'BLOB_OVERSIZED'
  | 'DIGEST_MISMATCH'
  /** The credentials file or a credential helper cannot be used. */
  | 'CREDENTIALS_FAILED'
  /** A mirror, certificate, key or proxy that was configured cannot be used. */
  | 'SETTINGS_INVALID'
  | 'CLIENT_CLOSED'
  /** A server can't have the address that it was given. */
  | 'LISTEN_FAILED'
  /** The certificate or the key of a server can't be used. */
  | 'TLS_INVALID'
  /** The file of users of a server can't be read, or has hashes that are not bcrypt's. */
  | 'HTPASSWD_INVALID'

/** A transfer with a registry failed. The message names the reference and the host; it never holds a password, a token,
 * or a URL's user or query. What a server said is shortened to 1 KiB. */
export class RegistryError extends TsbuildError<RegistryErrorCode> {}
