import { addFollowFlags, type FollowFlags, followContainer } from '../containers/follow.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags, FollowFlags {
  readonly stdin: boolean
}

export const attach: CliCommand = {
  summary: "Connect to a running container's input and output",
  define(command) {
    command.argument('<CONTAINER>', 'name or id')
    addFollowFlags(command)
    command.option('--no-stdin', 'do not send it what is typed')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild attach web')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const container = await engine.containers.get(command.args[0] ?? '')
    return await followContainer(container, io, { stdin: flags.stdin, flags }, (attach) => container.attach(attach))
  },
}
