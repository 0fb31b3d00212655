import { hasCode } from '@tsbuild/spec'
import { forEachContainer } from '../containers/each.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly force?: boolean
}

export const rm: CliCommand = {
  summary: 'Remove containers',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids')
    command.option('-f, --force', 'kill those that run; those that are not there are no failure')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild rm -f web')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const force = flags.force === true
    await using engine = await openEngine(flags)
    return await forEachContainer(command.args, io, async (name) => {
      try {
        await (await engine.containers.get(name)).remove({ force })
        return name
      } catch (error) {
        if (!force || !hasCode(error, 'CONTAINER_NOT_FOUND')) throw error
        io.stderr.write(`${error.message}\n`)
        return undefined
      }
    })
  },
}
