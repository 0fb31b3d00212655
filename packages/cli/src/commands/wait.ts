import { forEachContainer } from '../containers/each.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const wait: CliCommand = {
  summary: 'Wait until containers have ended, and print their exit codes',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild wait web')
  },
  async run(command, io) {
    await using engine = await openEngine(command.opts<EngineFlags>())
    return await forEachContainer(command.args, io, async (name) => {
      const container = await engine.containers.get(name)
      return String(await container.wait({ signal: io.signal }))
    })
  },
}
