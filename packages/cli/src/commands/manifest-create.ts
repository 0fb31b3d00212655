import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly amend?: boolean
}

export const manifestCreate: CliCommand = {
  summary: 'Make a list of images, here or at their registries',
  define(command) {
    command.argument('<LIST>', 'name of the list').argument('<IMAGE...>', 'its images')
    command.option('-a, --amend', 'add to the list where there is one')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild manifest create localhost:5000/app:1 app:amd64 app:arm64')
  },
  async run(command, io) {
    const { amend, ...flags } = command.opts<Flags>()
    const [name = '', ...images] = command.args
    await using engine = await openEngine(flags)
    const list = await engine.images.manifestLists.create(name, images, { amend: amend === true, signal: io.signal })
    return { stdout: `Created manifest list ${list.name}\n` }
  },
}
