import type { BuildEvent } from '@tsbuild/spec'

/** Shows the events of a build; held while the build runs. */
export interface ProgressView {
  handle(event: BuildEvent): void
  /** Shows what is still held back and leaves the terminal as it was. Calling it twice is harmless.
   * @param succeeded a step that failed all the same (an export of the cache) does not count. Default: as the steps ended */
  close(succeeded?: boolean): void
}

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'quiet' | 'rawjson'
