import { forEachContainer } from '../containers/each.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly signal: string
}

export const kill: CliCommand = {
  summary: 'Send a signal to running containers',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids')
    command.option('-s, --signal <signal>', 'name or number (default: KILL)', 'KILL')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild kill -s HUP web')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    return await forEachContainer(command.args, io, async (name) => {
      await (await engine.containers.get(name)).kill(flags.signal)
      return name
    })
  },
}
