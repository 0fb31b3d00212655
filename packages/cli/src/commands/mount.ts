import { forEachContainer } from '../containers/each.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const mount: CliCommand = {
  summary: 'Show the files of containers that do not run on the host, and print where',
  define(command) {
    command.argument('[CONTAINER...]', 'names or ids; none: list what is mounted')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  ls "$(tsbuild mount web)/etc"; tsbuild umount web')
  },
  async run(command, io) {
    await using engine = await openEngine(command.opts<EngineFlags>())
    if (command.args.length === 0) {
      const mounted = await engine.containers.list({ all: true })
      const lines = mounted.flatMap(({ id, mountedAt }) => (mountedAt === undefined ? [] : `${id} ${mountedAt}\n`))
      return { stdout: lines.join('') }
    }
    return await forEachContainer(command.args, io, async (name) => {
      const path = await (await engine.containers.get(name)).mount()
      return command.args.length === 1 ? path : `${name} ${path}`
    })
  },
}
