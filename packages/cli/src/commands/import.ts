import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import { createArchiveView } from '../progress/archive-view.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly change: readonly string[]
  readonly message?: string
  readonly platform?: string
}

export const importCommand: CliCommand = {
  summary: 'Make an image of the files in a tar',
  define(command) {
    command.argument('<FILE|URL|->', 'tar of a root file system, compressed or not')
    command.argument('[REPOSITORY[:TAG]]', 'name of the image')
    command.option(
      '-c, --change <instruction>',
      'instruction of a Dockerfile for the config, e.g. CMD ["/bin/sh"]',
      collect,
      [],
    )
    command.option('-m, --message <text>', 'comment in the history')
    command.option('--platform <os/arch>', 'what the files are for (default: this machine)')
    addRootFlag(command)
    command.addHelpText('after', `\nExample:\n  tsbuild import -c 'CMD ["/bin/bash"]' rootfs.tar.xz debian:mine`)
  },
  async run(command, io) {
    const { change, message, platform, ...flags } = command.opts<Flags>()
    const [source = '', name] = command.args
    if (source === '-' && io.stdin.isTTY)
      throw new CliError('USAGE', 'Cannot import: standard input is a terminal', { hint: 'Pipe a tar into it' })
    const view = createArchiveView(io, false)
    try {
      await using engine = await openEngine(flags)
      const { id } = await engine.images.import(source === '-' ? io.stdin : source, {
        ...(name === undefined ? {} : { name }),
        changes: change,
        ...(message === undefined ? {} : { message }),
        ...(platform === undefined ? {} : { platform }),
        signal: io.signal,
        onEvent: view.handle,
      })
      return { stdout: `${id}\n` }
    } finally {
      view.close()
    }
  },
}
