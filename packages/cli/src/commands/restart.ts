import { Option } from 'commander'
import { forEachContainer } from '../containers/each.js'
import { secondsFlag } from '../containers/options.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly signal?: string
  readonly time?: string
  readonly timeout?: string
}

export const restart: CliCommand = {
  summary: 'Stop containers and start them again',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids')
    command.option('-s, --signal <signal>', "instead of the container's stop signal")
    command.option('-t, --timeout <seconds>', 'time until it is killed; -1 waits for ever (default: 10)')
    command.addOption(new Option('--time <seconds>', 'the same as --timeout').hideHelp())
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild restart -t 2 web')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const timeout = flags.timeout ?? flags.time
    const options = {
      signal: io.signal,
      ...(flags.signal === undefined ? {} : { stopSignal: flags.signal }),
      ...(timeout === undefined ? {} : { timeoutSeconds: secondsFlag('--timeout', timeout) }),
    }
    await using engine = await openEngine(flags)
    return await forEachContainer(command.args, io, async (name) => {
      await (await engine.containers.get(name)).restart(options)
      return name
    })
  },
}
