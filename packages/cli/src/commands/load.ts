import type { LoadedImage } from '@tsbuild/core'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import { createArchiveView } from '../progress/archive-view.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly input?: string
  readonly platform?: string
  readonly quiet?: boolean
}

export const load: CliCommand = {
  summary: 'Bring in the images of an archive',
  define(command) {
    command.option('-i, --input <path>', 'archive, or directory with an OCI image layout (default: standard input)')
    command.option('--platform <os/arch>', 'image to take of an index (default: that of this machine)')
    command.option('-q, --quiet', 'no progress')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild load -i images.tar.gz')
  },
  async run(command, io) {
    const { input, platform, quiet, ...flags } = command.opts<Flags>()
    const fromStdin = input === undefined || input === '-'
    if (fromStdin && io.stdin.isTTY)
      throw new CliError('USAGE', 'Cannot load images: standard input is a terminal', {
        hint: 'Pipe an archive into it, or name a file: -i images.tar',
      })
    const view = createArchiveView(io, quiet === true)
    try {
      await using engine = await openEngine(flags)
      const loaded = await engine.images.load(fromStdin ? io.stdin : input, {
        ...(platform === undefined ? {} : { platform }),
        signal: io.signal,
        onEvent: view.handle,
      })
      return { stdout: loaded.map(report).join('') }
    } finally {
      view.close()
    }
  },
}

function report({ names, id, renamed }: LoadedImage): string {
  const replaced = renamed.map(
    (old) => `The image ${old.name} already exists, renaming the old one with ID ${old.id} to empty string\n`,
  )
  const lines = names.length === 0 ? [`Loaded image ID: ${id}\n`] : names.map((name) => `Loaded image: ${name}\n`)
  return [...replaced, ...lines].join('')
}
