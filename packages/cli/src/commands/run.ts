import type { Container } from '@tsbuild/core'
import { createFromFlags } from '../containers/create-from-flags.js'
import { parseDetachKeys } from '../containers/detach-keys.js'
import { withExitCodes } from '../containers/exit-code.js'
import { type ContainerFlags, defineContainerFlags } from '../containers/flags.js'
import { addFollowFlags, type FollowFlags } from '../containers/follow.js'
import { type Foreground, openForeground } from '../containers/foreground.js'
import { containerOptions } from '../containers/options.js'
import { entitlementsOf } from '../containers/sandbox.js'
import { openEngine } from '../engine.js'
import type { CommandResult, Io } from '../io.js'
import type { CliCommand } from './command.js'

interface Flags extends ContainerFlags, FollowFlags {
  readonly detach?: boolean
}

/** A command whose output goes nowhere gets this long to end. */
const unheardSeconds = 2

/** Docker's exit code for what is not the command's own fault. */
const ourFault = 125

export const run: CliCommand = {
  summary: 'Make a container of an image and run it',
  operandsEndOptions: true,
  define(command) {
    command.option('-d, --detach', 'leave it running, and print its id')
    addFollowFlags(command)
    defineContainerFlags(command)
    command.addHelpText(
      'after',
      `
Examples:
  tsbuild run --rm -it busybox sh
  tsbuild run -d --name web -p 127.0.0.1:8080:80 -v /srv/www:/data/html:ro app:latest`,
    )
  },
  run: (command, io) =>
    withExitCodes(io, ourFault, async () => {
      const flags = command.opts<Flags>()
      const options = containerOptions(flags, command.args, io.env)
      const keys = parseDetachKeys(flags.detachKeys)
      await using engine = await openEngine(flags, { entitlements: entitlementsOf(options) })
      if (flags.detach) {
        const container = await createFromFlags(engine, options, flags, io)
        await container.start({ signal: io.signal })
        return { stdout: `${container.id}\n` }
      }
      using foreground = openForeground(io, {
        terminal: flags.tty === true,
        stdin: flags.interactive === true,
        signals: flags.sigProxy,
        detachKeys: keys,
      })
      return await inForeground(foreground, await createFromFlags(engine, options, flags, io), io)
    }),
}

async function inForeground(foreground: Foreground, container: Container, io: Io): Promise<CommandResult> {
  try {
    const end = await foreground.follow((attach) => container.start({ attach, signal: io.signal }))
    return end === 'detached' ? {} : { exitCode: end }
  } catch (error) {
    // Nobody reads what it prints.
    if (io.signal.aborted) await container.stop({ timeoutSeconds: unheardSeconds }).catch(() => {})
    throw error
  }
}
