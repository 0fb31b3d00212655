import type { MessagePort } from 'node:worker_threads'

/** Cells of the `Int32Array` that a pool shares with a worker for one task. */
export const cells = {
  /** 1 once the task is to stop. */
  aborted: 0,
  /** Counts what was put into the input port; the worker waits on it. */
  input: 1,
  /** Chunks that the worker may still send; it waits on it. */
  credits: 2,
  count: 3,
} as const

/** Chunks on the way in either direction; each of about `chunkBytes`. */
export const windowChunks = 4
export const chunkBytes = 1 << 20

export interface TaskRequest {
  readonly kind: 'task'
  readonly id: number
  readonly method: string
  readonly input: unknown
  readonly shared: SharedArrayBuffer
  /** Where the chunks of an input stream come from. */
  readonly port?: MessagePort
}

/** On the input port, towards the worker. */
export type InputMessage =
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'error'; readonly error: CarriedError }

/** Towards the pool. */
export type WorkerMessage =
  | { readonly kind: 'message'; readonly id: number; readonly message: unknown }
  | { readonly kind: 'chunk'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: CarriedError }
  | { readonly kind: 'ready' }

/** An error as it crosses a thread or process boundary. */
export interface CarriedError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  /** `code`, `hint`, `errno`, `syscall`, `path` and whatever else is plain data. */
  readonly properties: Readonly<Record<string, string | number | boolean>>
  readonly ours: boolean
  readonly cause?: CarriedError
}
