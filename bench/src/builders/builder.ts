import type { Command } from '../measure.js'

/** A builder at work in folders of its own. Disposing it leaves no process, mount or file. */
export interface Builder extends AsyncDisposable, CacheTraveller {
  readonly name: string
  /** Name, version and what is worth knowing of how it is run, for the reader of the table. */
  readonly about: string
  /** Processes that work for it besides the command's own. */
  readonly daemons: readonly number[]
  /** The folder that has all that it keeps; another one after `clear` and `reset`. */
  readonly data: string
  /** Goes on in an empty folder, as on a machine that never built. The old one stays until the end: ext4 looks at each inode that
   * was deleted within minutes before it makes a file, so that deleting 20,000 files makes the next 20,000 ten times slower. */
  clear(): Promise<void>
  /** Forgets every build and its cache, and has the base image at hand. */
  reset(base: string): Promise<void>
  /** Removes what neither an image nor a running build has. */
  prune(): Promise<void>
  /** Brings an image into the local store. */
  pull(image: string): Promise<void>
  /** Builds a folder into the builder's local store, under a name. */
  command(context: string): Command
  /** Lists the images of the local store. */
  list(): Command
  /** Ends the daemon and starts it again. Resolves with the time until it answers, in milliseconds. */
  restart?(): Promise<number>
}

/** How a builder's cache travels by a registry. */
export interface CacheTraveller {
  /** What the reader has to know of the export. */
  readonly cacheAbout: string
  /** Builds a folder and sends its cache to a repository: commands that run one after the other. */
  exportCache(context: string, repository: string): readonly Command[]
  /** Builds a folder with the cache of a repository. With `keep: 'nothing'` no image is made; `undefined`: it always makes one. */
  importCache(context: string, repository: string, keep: 'image' | 'nothing'): Command | undefined
}
