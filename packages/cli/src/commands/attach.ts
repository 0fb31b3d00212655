import { parseDetachKeys } from '../containers/detach-keys.js'
import { openForeground } from '../containers/foreground.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly detachKeys?: string
  readonly sigProxy: boolean
  readonly stdin: boolean
}

export const attach: CliCommand = {
  summary: "Connect to a running container's input and output",
  define(command) {
    command.argument('<CONTAINER>', 'name or id')
    command.option('--detach-keys <keys>', 'keys that leave it running (default: ctrl-p,ctrl-q)')
    command.option('--no-stdin', 'do not send it what is typed')
    command.option('--sig-proxy', 'pass signals on to the command (default; --sig-proxy=false: not)', true)
    command.option('--no-sig-proxy', 'keep signals')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild attach web')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const container = await engine.containers.get(command.args[0] ?? '')
    const { settings } = await container.inspect()
    using foreground = openForeground(io, {
      terminal: settings.terminal,
      stdin: flags.stdin && settings.stdin,
      signals: flags.sigProxy,
      detachKeys: parseDetachKeys(flags.detachKeys),
    })
    const end = await foreground.follow((attach) => container.attach(attach))
    return end === 'detached' ? {} : { exitCode: end }
  },
}
