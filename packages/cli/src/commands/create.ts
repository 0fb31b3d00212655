import { createFromFlags } from '../containers/create-from-flags.js'
import { type ContainerFlags, defineContainerFlags } from '../containers/flags.js'
import { containerOptions } from '../containers/options.js'
import { entitlementsOf } from '../containers/sandbox.js'
import { openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

export const create: CliCommand = {
  summary: 'Make a container of an image, without starting it',
  operandsEndOptions: true,
  define(command) {
    defineContainerFlags(command)
    command.addHelpText('after', '\nExample:\n  tsbuild create --name web app:latest')
  },
  async run(command, io) {
    const flags = command.opts<ContainerFlags>()
    const options = containerOptions(flags, command.args, io.env)
    await using engine = await openEngine(flags, { entitlements: entitlementsOf(options) })
    const container = await createFromFlags(engine, options, flags, io)
    return { stdout: `${container.id}\n` }
  },
}
