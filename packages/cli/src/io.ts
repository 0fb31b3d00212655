import type { Readable, Writable } from 'node:stream'

/** An output stream; the extra members are there on terminals. */
export type Terminal = Writable & {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** What a command knows of the process that it runs in. */
export interface Io {
  /** Aborted by Ctrl-C, SIGTERM, or a reader of stdout that went away. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  /** Gives the signals that would end this process to `handler`, until the result is called. */
  readonly takeSignals: (handler: (signal: NodeJS.Signals) => void) => () => void
  /** For commands that stream binary data; text is returned. */
  readonly stdout: Terminal
  /** For progress while a command runs. */
  readonly stderr: Terminal
}

/** What a command has to say; printed by who called it. */
export interface CommandResult {
  readonly stdout?: string
  readonly stderr?: string
  /** Default 0. */
  readonly exitCode?: number
}
