import { forEachContainer } from '../containers/each.js'
import { addStopFlags, type StopFlags, stopOptions } from '../containers/stop-flags.js'
import { addRootFlag, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const restart: CliCommand = {
  summary: 'Stop containers and start them again',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids')
    addStopFlags(command)
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild restart -t 2 web')
  },
  async run(command, io) {
    const flags = command.opts<StopFlags>()
    const options = stopOptions(flags, io)
    await using engine = await openEngine(flags)
    return await forEachContainer(command.args, io, async (name) => {
      await (await engine.containers.get(name)).restart(options)
      return name
    })
  },
}
