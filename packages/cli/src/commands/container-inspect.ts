import { containerShape } from '../containers/docker-shape.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatDetails } from '../format/details.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly format?: string
}

export const containerInspect: CliCommand = {
  summary: 'Show details of containers as JSON',
  define(command) {
    command.argument('<CONTAINER...>', 'names or ids of containers')
    command.option('-f, --format <format>', '"json" or a Go template')
    addRootFlag(command)
    command.addHelpText('after', "\nExample:\n  tsbuild container inspect --format '{{.State.ExitCode}}' web")
  },
  async run(command) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const found: unknown[] = []
    for (const name of command.args) found.push(containerShape(await (await engine.containers.get(name)).inspect()))
    return { stdout: formatDetails(found, flags.format) }
  },
}
