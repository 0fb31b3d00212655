import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

const letters = { added: 'A', changed: 'C', deleted: 'D' } as const

export const diff: CliCommand = {
  summary: "Show what a container has changed in its image's files",
  define(command) {
    command.argument('<CONTAINER>', 'name or id')
    addRootFlag(command)
    command.addHelpText(
      'after',
      '\nEach line is a path behind A (added), C (changed) or D (deleted).\n\nExample:\n  tsbuild diff web',
    )
  },
  async run(command, io) {
    await using engine = await openEngine(command.opts<EngineFlags>())
    const container = await engine.containers.get(command.args[0] ?? '')
    const changes = await container.diff({ signal: io.signal })
    return { stdout: changes.map(({ kind, path }) => `${letters[kind]} ${path}\n`).join('') }
  },
}
