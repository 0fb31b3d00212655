import type { CarriedError } from '@tsbuild/host'
import type { TerminalSize } from '@tsbuild/spec'
import type { ExecRequest } from '../process-spec.js'

/** To the monitor. Each connection begins with one of `start`, `attach`, `watch`, `signal` and `exec`; frames of `stdin` and the other
 * messages follow on one that is attached. */
export type MonitorRequest =
  /** Starts the container; who sent it is attached from the first byte where `attach` is there. */
  | { readonly kind: 'start'; readonly attach?: AttachRequest }
  | { readonly kind: 'attach'; readonly attach: AttachRequest }
  /** Wants to be told the end only. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'signal'; readonly number: number }
  | { readonly kind: 'exec'; readonly request: ExecRequest }
  | { readonly kind: 'resize'; readonly size: TerminalSize }
  | { readonly kind: 'endInput' }
  /** Goes away on purpose: its input stays open for the next one. */
  | { readonly kind: 'detach' }

export interface AttachRequest {
  readonly stdin: boolean
  readonly size?: TerminalSize
}

/** From the monitor: one `done` or `failed` for the first request, and `ended` to everyone as the last. */
export type MonitorReply =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: CarriedError }
  | { readonly kind: 'ended'; readonly exitCode: number }

/** Descriptor on which a monitor tells that it listens. */
export const readyFd = 3

/** What a monitor is started with, as its first argument. */
export interface MonitorConfig {
  readonly root: string
  readonly id: string
  /** Process id of whoever started the monitor, and will ask it to start the container. */
  readonly starter: number
  readonly snapshotter?: 'overlay' | 'native'
  readonly runtime?: string
  readonly workerDir?: string
}
