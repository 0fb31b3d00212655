import { forEachContainer } from '../containers/each.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly all?: boolean
}

export const umount: CliCommand = {
  summary: 'Undo what mount did',
  define(command) {
    command.argument('[CONTAINER...]', 'names or ids')
    command.option('-a, --all', 'all that are mounted')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild umount web')
  },
  async run(command, io) {
    const { all, ...flags } = command.opts<Flags>()
    if (all !== true && command.args.length === 0)
      throw new CliError('USAGE', 'Cannot unmount: no container is named', { hint: 'Name some, or use --all' })
    await using engine = await openEngine(flags)
    const mounted = all === true ? await engine.containers.list({ all: true }) : []
    const names =
      all === true ? mounted.flatMap(({ id, mountedAt }) => (mountedAt === undefined ? [] : id)) : command.args
    return await forEachContainer(names, io, async (name) => {
      await (await engine.containers.get(name)).unmount()
      return name
    })
  },
}
