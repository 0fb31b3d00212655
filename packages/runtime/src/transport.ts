import type { LauncherReply, LauncherRequest } from './launcher-protocol.js'

/** The way to a launcher, wherever it runs. */
export interface Transport {
  send(request: LauncherRequest): void
  /** Whether the launcher keeps this program alive. */
  hold(keep: boolean): void
  /** Ends the launcher, and with it every step; settles when it is gone. */
  close(): Promise<void>
}

export interface TransportEvents {
  readonly onReply: (reply: LauncherReply) => void
  /** The launcher is gone, asked for or not. */
  readonly onExit: (cause: unknown) => void
}

export interface TransportOptions {
  /** The compiled entry file of the launcher. */
  readonly entry: URL
  readonly stateDir: string
}
