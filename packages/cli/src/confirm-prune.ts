import { CliError } from './errors.js'
import type { Io } from './io.js'
import { ask } from './prompt.js'

/** Asks whether all of `what` shall go, as `--force` spares. @throws {CliError} `USAGE`: there is no terminal to ask on */
export async function confirmPrune(what: string, io: Io): Promise<boolean> {
  if (!io.stdin.isTTY) throw new CliError('USAGE', 'Cannot ask whether to prune: no terminal', { hint: 'Use --force' })
  io.stderr.write(`WARNING! This will remove ${what}.\n`)
  const answer = await ask('Are you sure you want to continue? [y/N] ', io, { hidden: false })
  return /^y(es)?$/i.test(answer.trim())
}
