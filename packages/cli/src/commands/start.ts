import { parseDetachKeys } from '../containers/detach-keys.js'
import { forEachContainer } from '../containers/each.js'
import { withExitCodes } from '../containers/exit-code.js'
import { openForeground } from '../containers/foreground.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly attach?: boolean
  readonly detachKeys?: string
  readonly interactive?: boolean
  readonly sigProxy: boolean
}

export const start: CliCommand = {
  summary: 'Start containers that do not run',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids')
    command.option('-a, --attach', 'show the output, pass signals on, and exit with its exit code')
    command.option('--detach-keys <keys>', 'keys that leave it running (default: ctrl-p,ctrl-q)')
    command.option('-i, --interactive', 'send it what is typed')
    command.option('--sig-proxy', 'pass signals on to the command (default; --sig-proxy=false: not)', true)
    command.option('--no-sig-proxy', 'keep signals')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild start -a web')
  },
  run: (command, io) =>
    withExitCodes(io, 1, async () => {
      const flags = command.opts<Flags>()
      await using engine = await openEngine(flags)
      const { signal } = io
      if (!flags.attach && !flags.interactive) {
        return await forEachContainer(command.args, io, async (name) => {
          await (await engine.containers.get(name)).start({ signal })
          return name
        })
      }
      const [name = '', ...more] = command.args
      if (more.length > 0) throw new CliError('USAGE', 'Cannot attach to several containers at once')
      const container = await engine.containers.get(name)
      const { settings } = await container.inspect()
      using foreground = openForeground(io, {
        terminal: settings.terminal,
        stdin: flags.interactive === true && settings.stdin,
        signals: flags.sigProxy,
        detachKeys: parseDetachKeys(flags.detachKeys),
      })
      const end = await foreground.follow((attach) => container.start({ attach, signal }))
      return end === 'detached' ? {} : { exitCode: end }
    }),
}
