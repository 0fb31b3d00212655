import type { AttachOptions } from '@tsbuild/core'
import { forEachContainer } from '../containers/each.js'
import { withExitCodes } from '../containers/exit-code.js'
import { addFollowFlags, type FollowFlags, followContainer } from '../containers/follow.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags, FollowFlags {
  readonly attach?: boolean
  readonly interactive?: boolean
}

export const start: CliCommand = {
  summary: 'Start containers that do not run',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids')
    command.option('-a, --attach', 'show the output, pass signals on, and exit with its exit code')
    command.option('-i, --interactive', 'send it what is typed')
    addFollowFlags(command)
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild start -a web')
  },
  run: (command, io) =>
    withExitCodes(io, 1, async () => {
      const flags = command.opts<Flags>()
      const { attach, interactive = false } = flags
      await using engine = await openEngine(flags)
      const { signal } = io
      if (!attach && !interactive) {
        return await forEachContainer(command.args, io, async (name) => {
          await (await engine.containers.get(name)).start({ signal })
          return name
        })
      }
      const [name = '', ...more] = command.args
      if (more.length > 0) throw new CliError('USAGE', 'Cannot attach to several containers at once')
      const container = await engine.containers.get(name)
      const begin = (to: AttachOptions) => container.start({ attach: to, signal })
      return await followContainer(container, io, { stdin: interactive, flags }, begin)
    }),
}
