import type { CarriedError } from '@tsbuild/host'
import type { ExecSpec, ExitStatus, ProcessIdentity, ProcessSpec, TerminalSize } from '@tsbuild/spec'

/** What a process is connected to besides its output. */
export interface StdioRequest {
  /** Whether it reads what `input` brings; otherwise its input is /dev/null. */
  readonly stdin?: boolean
  readonly terminal?: TerminalSize
}

/** Who is joined or paused. */
export type ProcessTarget = number | ProcessIdentity

/** To the launcher. */
export type LauncherRequest =
  /** `guarded`: ends with this program even where the kernel does not see to that. */
  | ({
      readonly kind: 'run'
      readonly id: number
      readonly process: ProcessSpec
      readonly guarded?: boolean
    } & StdioRequest)
  | ({
      readonly kind: 'exec'
      readonly id: number
      readonly target: ProcessTarget
      readonly process: ExecSpec
    } & StdioRequest)
  /** Ends the step: SIGTERM where it listens to that, SIGKILL after `graceMs`. `discard`: nobody takes its output any more. */
  | { readonly kind: 'cancel'; readonly id: number; readonly graceMs: number; readonly discard?: boolean }
  /** One chunk of output was taken. */
  | { readonly kind: 'taken'; readonly id: number }
  /** Answered by `inputTaken`, in order. */
  | { readonly kind: 'input'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly kind: 'endInput'; readonly id: number }
  | { readonly kind: 'resize'; readonly id: number; readonly size: TerminalSize }
  | { readonly kind: 'signal'; readonly id: number; readonly signal: number }
  /** Answered by `paused` or `failed`, and `resume` by `resumed` or `failed`. */
  | { readonly kind: 'pause'; readonly id: number; readonly target: ProcessTarget }
  | { readonly kind: 'resume'; readonly id: number }

/** A process that was started, as it is told. */
export interface StartedProcess extends ProcessIdentity {
  readonly mountPoints: readonly string[]
}

/** From the launcher. `failed`, `ended` and `resumed` are the last of an id; nothing of it is left by then. */
export type LauncherReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unusable'; readonly error: CarriedError }
  | { readonly kind: 'started'; readonly id: number; readonly process: StartedProcess }
  | {
      readonly kind: 'output'
      readonly id: number
      readonly stream: 'stdout' | 'stderr'
      readonly chunk: Uint8Array
    }
  /** `open`: whether the process may read more. */
  | { readonly kind: 'inputTaken'; readonly id: number; readonly open: boolean }
  | { readonly kind: 'ended'; readonly id: number; readonly status: ExitStatus }
  | { readonly kind: 'paused'; readonly id: number }
  | { readonly kind: 'resumed'; readonly id: number }
  /** `retired`: the launcher could not restore itself and takes no more steps. */
  | { readonly kind: 'failed'; readonly id: number; readonly error: CarriedError; readonly retired: boolean }

/** Where the launcher sends its replies; buffers in `transfer` are moved where that is possible. */
export type SendReply = (reply: LauncherReply, transfer?: ArrayBuffer[]) => void

/** Chunks of output of a step that may be on their way. */
export const outputWindow = 16
