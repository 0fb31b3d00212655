import type { Command } from '../measure.js'

/** A builder at work in folders of its own. Disposing it leaves no process, mount or file. */
export interface Builder extends AsyncDisposable {
  readonly name: string
  /** Name, version and what is worth knowing of how it is run, for the reader of the table. */
  readonly about: string
  /** Processes that work for it besides the command's own. */
  readonly daemons: readonly number[]
  /** Forgets every build and its cache, and has the base image at hand. */
  reset(base: string): Promise<void>
  /** Builds a folder into the builder's local store, under a name. */
  command(context: string): Command
}
