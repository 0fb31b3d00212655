import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { inspectEach } from '../format/details.js'
import { imageShape } from '../images/docker-shape.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly format?: string
}

export const imageInspect: CliCommand = {
  summary: 'Show details of images as JSON',
  define(command) {
    command.argument('<IMAGE...>', 'names or ids of images')
    command.option('-f, --format <format>', '"json" or a Go template')
    addRootFlag(command)
    command.addHelpText('after', "\nExample:\n  tsbuild image inspect --format '{{.GraphDriver.Data.UpperDir}}' app")
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    return await inspectEach(command.args, flags.format, io, (name) => imageShape(engine.images.inspect(name)))
  },
}
