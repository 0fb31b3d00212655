import { type BinaryPath, toBinary } from './binary-path.js'
import { type EntryOverride, Extractor } from './extract/extractor.js'
import type { TarEntry } from './tar/entry.js'
import { TarParser } from './tar/parser.js'

export interface TarExtractorOptions {
  /** An existing directory, the root of the archive: no entry and no link leads out of it. It is looked up as the calling thread
   * sees it, so a thread that has entered a snapshot names a path inside that. */
  readonly directory: string
  /** Where a directory entry meets a symlink, the link is kept and the directory is the one that it leads to (inside `directory`;
   * made when it is missing): `lib/` over `/lib -> usr/lib`. Else the entry replaces the link, as it does in layers. */
  readonly followDirectoryLinks?: boolean
  /** Told of each entry before it is made, with its path below `directory` (one character per byte); may change what is set. */
  readonly onEntry?: (entry: TarEntry, path: BinaryPath) => EntryOverride | undefined
  /** The content of the file that `onEntry` told of last, in pieces. */
  readonly onData?: (chunk: Buffer) => void
}

/** Unpacks a tar that is pushed into it, synchronously, on the calling thread: for `ADD archive.tar /dest`.
 *
 * All attributes are kept: owners, setuid bits, xattrs, devices, times to the nanosecond. Whiteouts mean nothing here. An entry
 * replaces what is there, except that directories are merged. Directories that are only implied become 0755, owner 0:0. */
export interface TarExtractor extends Disposable {
  /** @throws {SnapshotError} `LAYER_INVALID`, naming the entry */
  write(chunk: Uint8Array): void
  /** Completes the directories' attributes. @throws {SnapshotError} `LAYER_INVALID` where the archive is truncated */
  end(): void
  /** Directories that were made without an entry of their own, below `directory`. */
  readonly implied: readonly BinaryPath[]
}

/** Makes an extractor for one archive; the caller's thread has entered the root that `directory` lies in. */
export function createTarExtractor({
  directory,
  followDirectoryLinks = false,
  onEntry,
  onData,
}: TarExtractorOptions): TarExtractor {
  const root = toBinary(directory).replace(/\/+$/, '')
  const extractor = new Extractor({
    root,
    followDirectoryLinks,
    ...(onEntry === undefined ? {} : { onEntry }),
    ...(onData === undefined ? {} : { onData }),
  })
  const parser = new TarParser(extractor)
  return {
    write: (chunk) => parser.write(chunk),
    end() {
      parser.end()
      extractor.finish()
    },
    get implied() {
      return extractor.implied
    },
    [Symbol.dispose]: () => extractor.close(),
  }
}
