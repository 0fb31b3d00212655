import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const manifestRm: CliCommand = {
  summary: 'Forget lists that were put together here',
  define(command) {
    command.argument('<LIST...>', 'names of lists')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild manifest rm localhost:5000/app:1')
  },
  async run(command) {
    await using engine = await openEngine(command.opts<EngineFlags>())
    for (const name of command.args) await engine.images.manifestLists.remove(name)
    return {}
  },
}
