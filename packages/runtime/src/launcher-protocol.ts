import type { CarriedError } from '@tsbuild/host'
import type { ExitStatus, ProcessSpec } from '@tsbuild/spec'

/** To the launcher. */
export type LauncherRequest =
  | { readonly kind: 'run'; readonly id: number; readonly process: ProcessSpec }
  /** Ends the step: SIGTERM where it listens to that, SIGKILL after `graceMs`. */
  | { readonly kind: 'cancel'; readonly id: number; readonly graceMs: number }
  /** One chunk of output was taken. */
  | { readonly kind: 'taken'; readonly id: number }

/** From the launcher. `failed` and `ended` are the last of a step; nothing of it is left by then. */
export type LauncherReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unusable'; readonly error: CarriedError }
  | {
      readonly kind: 'output'
      readonly id: number
      readonly stream: 'stdout' | 'stderr'
      readonly chunk: Uint8Array
    }
  | { readonly kind: 'ended'; readonly id: number; readonly status: ExitStatus }
  /** `retired`: the launcher could not restore itself and takes no more steps. */
  | { readonly kind: 'failed'; readonly id: number; readonly error: CarriedError; readonly retired: boolean }

/** Where the launcher sends its replies; buffers in `transfer` are moved where that is possible. */
export type SendReply = (reply: LauncherReply, transfer?: ArrayBuffer[]) => void

/** Chunks of output of a step that may be on their way. */
export const outputWindow = 16
