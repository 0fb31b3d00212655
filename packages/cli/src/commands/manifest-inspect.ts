import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const manifestInspect: CliCommand = {
  summary: 'Show a list that is put together here, or what a name leads to at its registry',
  define(command) {
    command.argument('<NAME>', 'name of a list, or of an image at a registry')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild manifest inspect debian:12')
  },
  async run(command, io) {
    const [name = ''] = command.args
    await using engine = await openEngine(command.opts<EngineFlags>())
    const { manifestLists } = engine.images
    const document = manifestLists.index(name) ?? parse((await manifestLists.fetch(name, { signal: io.signal })).bytes)
    return { stdout: `${JSON.stringify(document, null, 3)}\n` }
  },
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'))
}
