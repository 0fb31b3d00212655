import { confirmPrune } from '../confirm-prune.js'
import { pruneFilter } from '../containers/filters.js'
import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatSize } from '../format/size.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly filter: readonly string[]
  readonly force?: boolean
}

export const containerPrune: CliCommand = {
  summary: 'Remove all containers that do not run',
  define(command) {
    command.option('-f, --force', 'do not ask')
    command.option('--filter <key=value>', 'until=<time>, label=<name[=value]>, label!=<name[=value]>', collect, [])
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild container prune -f --filter until=24h')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const matches = pruneFilter(flags.filter, { now: Date.now(), containers: [], images: () => [] })
    if (!flags.force && !(await confirmPrune('all stopped containers', io))) return {}
    await using engine = await openEngine(flags)
    const { removed, bytes } = await engine.containers.prune(matches)
    const list = removed.length === 0 ? '' : `Deleted Containers:\n${removed.map((id) => `${id}\n`).join('')}\n`
    return { stdout: `${list}Total reclaimed space: ${formatSize(bytes)}\n` }
  },
}
