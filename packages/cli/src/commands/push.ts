import type { PushedImage } from '@tsbuild/core'
import { parseReference } from '@tsbuild/spec'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import { createTransferView } from '../progress/transfer-view.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly allTags?: boolean
  readonly platform?: string
  readonly quiet?: boolean
}

export const push: CliCommand = {
  summary: 'Send an image to its registry',
  define(command) {
    command.argument('<NAME[:TAG]>', 'name of an image; its registry is the one in the name')
    command.option('-a, --all-tags', 'all tags that the repository has here')
    command.option('--platform <os/arch>', 'refuse an image for another platform')
    command.option('-q, --quiet', 'no progress; the name on standard output')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild push localhost:5000/app:1.2')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const [name = ''] = command.args
    const { allTags, platform, quiet } = flags
    const { tag = '', digest } = parseReference(name)
    const tagged = name.endsWith(`:${tag}`)
    if (allTags && (digest !== undefined || tagged))
      throw new CliError('USAGE', `Cannot push all tags of "${name}": the name has one already`)
    const view = createTransferView(io, quiet === true)
    if (!quiet && !allTags && digest === undefined && !tagged) view.line(`Using default tag: ${tag}`)
    try {
      await using engine = await openEngine(flags)
      const options = {
        ...(platform === undefined ? {} : { platform }),
        signal: io.signal,
        onEvent: view.pushing,
      }
      const pushed = allTags ? await engine.images.pushAll(name, options) : [await engine.images.push(name, options)]
      return { stdout: pushed.map((image) => (quiet ? `${image.name}\n` : report(image))).join('') }
    } finally {
      view.close()
    }
  },
}

function report({ name, digest, size }: PushedImage): string {
  return `${parseReference(name).tag}: digest: ${digest} size: ${size}\n`
}
