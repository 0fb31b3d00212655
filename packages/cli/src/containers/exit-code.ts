import { TsbuildError } from '@tsbuild/spec'
import { formatError } from '../error-report.js'
import { CliError } from '../errors.js'
import type { CommandResult, Io } from '../io.js'

const codes: Readonly<Record<string, number>> = { COMMAND_NOT_FOUND: 127, COMMAND_NOT_EXECUTABLE: 126 }

/** Does `body`; what it throws becomes Docker's exit code: 127 and 126 for a command that is not there or can't be executed, else
 * `otherwise`, but for what the user canceled. */
export async function withExitCodes(
  io: Pick<Io, 'env'>,
  otherwise: number,
  body: () => Promise<CommandResult>,
): Promise<CommandResult> {
  try {
    return await body()
  } catch (error) {
    const known = error instanceof TsbuildError ? codes[error.code] : undefined
    const canceled = error instanceof CliError && error.code === 'CANCELED' ? error.exitCode : undefined
    return { ...formatError(error, io), exitCode: known ?? canceled ?? otherwise }
  }
}
