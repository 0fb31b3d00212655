import { formatError } from '../error-report.js'
import type { CommandResult, Io } from '../io.js'

/** Does the same for each of several containers, side by side: what it gives is printed in order, what failed is told at the end, with
 * exit code 1. */
export async function forEachContainer(
  names: readonly string[],
  io: Pick<Io, 'env' | 'signal'>,
  action: (name: string) => Promise<string | undefined>,
): Promise<CommandResult> {
  const ends = await Promise.allSettled(names.map(action))
  io.signal.throwIfAborted()
  let stdout = ''
  let stderr = ''
  for (const end of ends) {
    if (end.status === 'fulfilled') stdout += end.value === undefined ? '' : `${end.value}\n`
    else stderr += formatError(end.reason, io).stderr ?? ''
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 }
}
