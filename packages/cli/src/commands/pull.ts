import type { PulledImage } from '@tsbuild/core'
import { familiarReference, parseReference } from '@tsbuild/spec'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import { createTransferView } from '../progress/transfer-view.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly allTags?: boolean
  readonly platform?: string
  readonly quiet?: boolean
}

export const pull: CliCommand = {
  summary: 'Fetch an image from its registry',
  define(command) {
    command.argument('<NAME[:TAG|@DIGEST]>', 'name of an image')
    command.option('-a, --all-tags', 'all tags of the repository')
    command.option('--platform <os/arch>', 'platform of the image (default: that of this machine)')
    command.option('-q, --quiet', 'no progress; the name on standard output')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild pull --platform linux/arm64 debian:12')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const [name = ''] = command.args
    const { allTags, platform, quiet } = flags
    const { tag = '', digest } = parseReference(name)
    if (allTags && (digest !== undefined || name.endsWith(`:${tag}`)))
      throw new CliError('USAGE', `Cannot pull all tags of "${name}": the name has one already`)
    const view = createTransferView(io, quiet === true)
    if (!quiet && !allTags && digest === undefined && !name.endsWith(`:${tag}`)) view.line(`Using default tag: ${tag}`)
    try {
      await using engine = await openEngine(flags)
      const options = {
        ...(platform === undefined ? {} : { platform }),
        signal: io.signal,
        onEvent: view.pulling,
      }
      const pulled = allTags ? await engine.images.pullAll(name, options) : [await engine.images.pull(name, options)]
      return {
        stdout: quiet ? pulled.map((image) => `${image.name}\n`).join('') : report(pulled, name, allTags === true),
      }
    } finally {
      view.close()
    }
  },
}

/** What Docker says at the end, and the full name. */
function report(pulled: readonly PulledImage[], name: string, all: boolean): string {
  const shown = all ? name : familiarReference(parseReference(pulled[0]?.name ?? name))
  const updated = pulled.some((image) => image.updated)
  return [
    ...pulled.map(({ digest }) => `Digest: ${digest}\n`),
    `Status: ${updated ? 'Downloaded newer image for' : 'Image is up to date for'} ${shown}\n`,
    ...pulled.map((image) => `${image.name}\n`),
  ].join('')
}
