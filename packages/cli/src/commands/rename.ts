import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const rename: CliCommand = {
  summary: 'Give a container another name',
  define(command) {
    command.argument('<CONTAINER>', 'name or id').argument('<NAME>', 'its new name')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild rename happy_hopper web')
  },
  async run(command) {
    const [name = '', next = ''] = command.args
    await using engine = await openEngine(command.opts<EngineFlags>())
    await (await engine.containers.get(name)).rename(next)
    return {}
  },
}
