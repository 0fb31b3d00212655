import { type ErrorDetails, TsbuildError } from '@tsbuild/spec'

export type RuntimeErrorCode =
  | 'COMMAND_NOT_FOUND'
  | 'COMMAND_NOT_EXECUTABLE'
  | 'USER_NOT_FOUND'
  | 'ROOT_UNUSABLE'
  | 'MOUNT_UNUSABLE'
  | 'LIMIT_REFUSED'
  | 'NETWORK_UNAVAILABLE'
  | 'PORT_UNAVAILABLE'
  | 'CAPABILITY_UNKNOWN'
  | 'CAPABILITY_UNAVAILABLE'
  | 'SECCOMP_PROFILE_INVALID'
  | 'RUNTIME_UNAVAILABLE'
  | 'PROCESS_GONE'
  | 'INPUT_CLOSED'
  | 'INIT_UNAVAILABLE'
  | 'SIGNAL_UNKNOWN'

/** A process that could not be started; what it does once it runs is told by its exit status. */
export class RuntimeError extends TsbuildError<RuntimeErrorCode> {}

/** What a shell would have for the code: 127 where the command was not found, 126 where it could not be executed. */
export function exitCodeOf(code: RuntimeErrorCode): number | undefined {
  if (code === 'COMMAND_NOT_FOUND') return 127
  return code === 'COMMAND_NOT_EXECUTABLE' ? 126 : undefined
}

/** The error, as a `RuntimeError` with `code` unless it is one. */
export function asRuntimeError(code: RuntimeErrorCode, message: string, cause: unknown): RuntimeError {
  if (cause instanceof RuntimeError) return cause
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new RuntimeError(code, `${message}: ${detail}`, { cause } satisfies ErrorDetails)
}
