import type { AccessRecord, RegistryAuth, RegistryServer } from '@tsbuild/registry'

/** How to serve a root folder as a registry. */
export interface ServeRegistryOptions {
  /** As `EngineOptions.root`. */
  readonly root?: string
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: a free port. */
  readonly port?: number
  /** Paths of a certificate chain and of its private key, PEM. Default: plain HTTP. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string }
  /** Default: everybody may read and write. */
  readonly auth?: RegistryAuth
  /** Change nothing, and refuse what would. Default false. */
  readonly readonly?: boolean
  /** Whether manifests, tags and blobs can be deleted. Default false. */
  readonly allowDelete?: boolean
  /** Told of each request when it is over. */
  readonly onRequest?: (request: AccessRecord) => void
  /** Milliseconds that requests under way may take when the server is closed; then they are cut. Default 30,000. */
  readonly graceMs?: number
  /** Where the worker entry files lie, for programs that are bundled into one file. */
  readonly workerDir?: string
}

export type { AccessRecord, RegistryAuth, RegistryServer }
