import type { CallOptions, Digest, SnapshotName } from '@tsbuild/spec'
import type { GitSession } from '../git/index.js'
import type { HttpSession } from './http-session.js'

/** A directory of the host, read where it lies: never copied, never sent anywhere. */
export interface ContextSource {
  readonly kind: 'context'
  /** Absolute. */
  readonly directory: string
  /** Lines of `.dockerignore`, as `parseIgnoreFile` gives them. What they exclude is not there for COPY and ADD. */
  readonly ignore?: readonly string[]
}

/** The files of a result: another stage, an image, a named context. */
export interface ChainSource {
  readonly kind: 'chain'
  /** Result id. Results never change, so what a selection of one holds is remembered for good, longer than its files live. */
  readonly id: string
  /** Its layers, lowest first, with all of their files; asked only when files are read. */
  readonly layers: (options: CallOptions) => Promise<readonly SnapshotName[]>
  readonly digests?: SelectionDigests | undefined
}

/** What a selection of a result's files is. */
export type SelectionDigest = {
  readonly digest: Digest
  readonly files: number
  /** Sum of the files' sizes. */
  readonly bytes: number
}

/** Digests of selections that travel between machines: a build that takes all from a cache then needs no files to know its keys. */
export interface SelectionDigests {
  /** What is known from elsewhere. */
  find(key: string): SelectionDigest | undefined
  /** Told each that a build has used. */
  note(key: string, digest: SelectionDigest): void
  /** What {@link find} gives is not what the files are: from now on it gives nothing. */
  disprove(key: string, selection: { readonly id: string; readonly path: string }): void
}

/** A tree that files come from. */
export type FileSource = ContextSource | ChainSource

/** A file whose text stands in the Dockerfile (`COPY <<name`). It becomes a file of mode 0644. */
export interface InlineFile {
  readonly name: string
  readonly data: string
}

/** What a COPY or ADD copies, and how; meanings are BuildKit's. */
export interface CopyRequest {
  readonly kind: 'copy' | 'add'
  readonly source: FileSource
  /** As written, variables expanded. For ADD, `http(s)://` sources are downloaded and git repositories checked out. */
  readonly sources: readonly string[]
  readonly inlineFiles: readonly InlineFile[]
  /** Absolute; ends with a slash where it names a directory. */
  readonly destination: string
  /** Patterns of `--exclude`, below each source. */
  readonly exclude: readonly string[]
  /** `--chown`: `user[:group]`, names or numbers; names are looked up in the image. Without it files of a context are 0:0 and those of
   * a chain keep their owners. */
  readonly chown?: string
  /** `--chmod`: octal or symbolic. */
  readonly chmod?: string
  /** The sources are paths, not patterns: what a mount shows. */
  readonly literal?: boolean
  /** `--parents`: keep the directories of the sources' paths, from `/./` on. */
  readonly parents: boolean
  /** ADD: `undefined` unpacks local archives only, `true` downloads, too, `false` nothing. */
  readonly unpack?: boolean
  /** ADD of one URL: `sha256:…` that the download must have, or the beginning of the id of a git repository's commit. */
  readonly checksum?: string
  /** ADD of a git repository: copy its git directory, too. */
  readonly keepGitDir?: boolean
  /** The build's git repositories; needed where a source is one. */
  readonly git?: GitSession
  /** The build's URLs. Default: a session of the request's own, without credentials. */
  readonly http?: HttpSession
  /** Every time that is written is this one, in seconds since the epoch. */
  readonly modifiedTime?: number
}
