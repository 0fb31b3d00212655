import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly author?: string
  readonly change: readonly string[]
  readonly message?: string
  readonly pause: boolean
}

export const commit: CliCommand = {
  summary: 'Make an image of a container',
  define(command) {
    command.argument('<CONTAINER>', 'name or id').argument('[REPOSITORY[:TAG]]', 'name of the image')
    command.option('-a, --author <text>', 'who made it, e.g. "Ada <ada@example.com>"')
    command.option(
      '-c, --change <instruction>',
      'instruction of a Dockerfile for the config, e.g. CMD ["/bin/sh"]',
      collect,
      [],
    )
    command.option('-m, --message <text>', 'comment in the history')
    command.option('-p, --pause', 'pause the container meanwhile (default; --pause=false: not)', true)
    command.option('--no-pause', 'let it run')
    addRootFlag(command)
    command.addHelpText('after', `\nExample:\n  tsbuild commit -m 'add pages' -c 'CMD ["httpd", "-f"]' web web:pages`)
  },
  async run(command, io) {
    const { author, change, message, pause, ...flags } = command.opts<Flags>()
    const [container = '', name] = command.args
    await using engine = await openEngine(flags)
    const { id } = await (await engine.containers.get(container)).commit({
      changes: change,
      pause,
      signal: io.signal,
      ...(author === undefined ? {} : { author }),
      ...(message === undefined ? {} : { message }),
      ...(name === undefined ? {} : { name }),
    })
    return { stdout: `${id}\n` }
  },
}
