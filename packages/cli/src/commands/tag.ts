import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const tag: CliCommand = {
  summary: 'Give an image another name',
  define(command) {
    command.argument('<SOURCE>', 'name or id of an image').argument('<TARGET>', 'its further name')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild tag app:latest localhost:5000/app:1.2')
  },
  async run(command) {
    const [source = '', target = ''] = command.args
    await using engine = await openEngine(command.opts<EngineFlags>())
    await engine.images.tag(source, target)
    return {}
  },
}
