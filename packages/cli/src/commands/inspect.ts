import type { Engine } from '@tsbuild/core'
import { hasCode } from '@tsbuild/spec'
import { Option } from 'commander'
import { containerShape } from '../containers/docker-shape.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { inspectEach } from '../format/details.js'
import { imageShape } from '../images/docker-shape.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly format?: string
  readonly type?: 'container' | 'image'
}

export const inspect: CliCommand = {
  summary: 'Show details of containers and images as JSON',
  define(command) {
    command.argument('<NAME...>', 'names or ids of containers or images')
    command.option('-f, --format <format>', '"json" or a Go template')
    command.addOption(new Option('--type <type>', 'only these: container or image').choices(['container', 'image']))
    addRootFlag(command)
    command.addHelpText('after', "\nExample:\n  tsbuild inspect --format '{{json .Config.Env}}' app:latest")
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    return await inspectEach(command.args, flags.format, io, (name) => lookUp(engine, name, flags.type))
  },
}

/** A container, else an image. */
async function lookUp(engine: Engine, name: string, type: Flags['type']): Promise<unknown> {
  if (type !== 'image') {
    try {
      return containerShape(await (await engine.containers.get(name)).inspect())
    } catch (error) {
      if (type === 'container' || !hasCode(error, 'CONTAINER_NOT_FOUND')) throw error
    }
  }
  return imageShape(engine.images.inspect(name))
}
