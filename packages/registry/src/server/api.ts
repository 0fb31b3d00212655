import type { RepositoryStore } from '@tsbuild/spec'

/** Who may use a registry. */
export interface RegistryAuth {
  /** Path of an htpasswd file with bcrypt hashes (`htpasswd -B`); read again when it changes. */
  readonly htpasswd: string
  /** Whether reading needs no password. Default false. */
  readonly anonymousPull?: boolean
  /** What clients show when they ask for the password. Default `tsbuild registry`. */
  readonly realm?: string
}

export interface RegistryServerOptions {
  /** Where blobs and manifests are kept. It must outlive the server. */
  readonly storage: RepositoryStore
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: a free port. */
  readonly port?: number
  /** Certificate chain and private key, PEM. Default: plain HTTP. */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array }
  /** Default: everybody may read and write. */
  readonly auth?: RegistryAuth
  /** Refuse everything that would change something. Default false. */
  readonly readonly?: boolean
  /** Whether manifests, tags and blobs can be deleted. Default false. */
  readonly allowDelete?: boolean
  /** Told of each request when it is over. */
  readonly onRequest?: (request: AccessRecord) => void
  /** Milliseconds without a byte in either direction until a connection is cut. Default 60,000. */
  readonly idleTimeoutMs?: number
  /** Milliseconds that requests under way may take when the server is closed; then they are cut. Default 30,000. */
  readonly graceMs?: number
  /** Uploads that got no byte for so long are thrown away. Milliseconds, default a day. */
  readonly uploadIdleMs?: number
  /** Where the worker entry files lie, for programs that are bundled into one file. */
  readonly workerDir?: string
}

/** One answered request. Never holds credentials. */
export interface AccessRecord {
  /** Milliseconds since the epoch, when the request began. */
  readonly at: number
  readonly remoteAddress: string
  /** Who signed in, when somebody did. */
  readonly user?: string
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly userAgent?: string
  readonly status: number
  /** Bytes of the answer's body. */
  readonly sentBytes: number
  readonly durationMs: number
  /** Whether the client went away before the answer was complete. */
  readonly aborted: boolean
  /** What went wrong here, for answers of 500 and above. */
  readonly error?: unknown
}

/** A registry that listens. Disposing it lets requests under way end; twice is harmless. */
export interface RegistryServer extends AsyncDisposable {
  /** e.g. `http://127.0.0.1:5000`. */
  readonly url: string
  /** What image names begin with: `127.0.0.1:5000`. */
  readonly host: string
  readonly port: number
}
