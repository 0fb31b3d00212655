import type { Images } from '@tsbuild/core'
import { parseReference } from '@tsbuild/spec'
import type { Command } from 'commander'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import type { CommandResult, Io } from '../io.js'
import { createTransferView, type TransferView } from '../progress/transfer-view.js'

interface Flags extends EngineFlags {
  readonly allTags?: boolean
  readonly platform?: string
  readonly quiet?: boolean
}

/** What `pull` and `push` work with. */
export interface Transfer {
  readonly images: Images
  readonly view: TransferView
  /** As it was given. */
  readonly name: string
  readonly allTags: boolean
  readonly quiet: boolean
  readonly options: { readonly platform?: string; readonly signal: AbortSignal }
}

/** The flags of `pull` and `push`, with what the two that differ do. */
export function addTransferFlags(
  command: Command,
  help: { readonly allTags: string; readonly platform: string },
): void {
  command.option('-a, --all-tags', help.allTags)
  command.option('--platform <os/arch>', help.platform)
  command.option('-q, --quiet', 'no progress; the name on standard output')
  addRootFlag(command)
}

/** Does what the flags say with the image of the command's argument, and prints what `body` gives.
 * @throws {CliError} `USAGE`: all tags of a name that has one */
export async function transfer(
  verb: 'pull' | 'push',
  command: Command,
  io: Io,
  body: (transfer: Transfer) => Promise<string>,
): Promise<CommandResult> {
  const flags = command.opts<Flags>()
  const [name = ''] = command.args
  const { allTags = false, platform, quiet = false } = flags
  const { tag = '', digest } = parseReference(name)
  const chosen = digest !== undefined || name.endsWith(`:${tag}`)
  if (allTags && chosen) throw new CliError('USAGE', `Cannot ${verb} all tags of "${name}": the name has one already`)
  const view = createTransferView(io, quiet)
  if (!quiet && !allTags && !chosen) view.line(`Using default tag: ${tag}`)
  try {
    await using engine = await openEngine(flags)
    const options = { ...(platform === undefined ? {} : { platform }), signal: io.signal }
    return { stdout: await body({ images: engine.images, view, name, allTags, quiet, options }) }
  } finally {
    view.close()
  }
}
