import type { BuildEvent } from '@tsbuild/spec'

/** Shows the events of a build; held while the build runs. */
export interface ProgressView {
  handle(event: BuildEvent): void
  /** Shows what is still held back and leaves the terminal as it was. Calling it twice is harmless. */
  close(): void
}

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'quiet' | 'rawjson'
