import { confirmPrune } from '../confirm-prune.js'
import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatSize } from '../format/size.js'
import { pruneFilter } from '../images/filters.js'
import { removedLines } from '../images/removed.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly all?: boolean
  readonly filter: readonly string[]
  readonly force?: boolean
}

export const imagePrune: CliCommand = {
  summary: 'Remove images that nobody uses',
  define(command) {
    command.option('-a, --all', 'every image without a container, not only those without a name')
    command.option('--filter <key=value>', 'until=<time>, label=<name[=value]>, label!=<name[=value]>', collect, [])
    command.option('-f, --force', 'do not ask')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild image prune -a -f --filter until=240h')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const { dangling, ...filter } = pruneFilter(flags.filter, Date.now())
    const all = dangling === undefined ? flags.all === true : !dangling
    const what = all ? 'all images without at least one container made of them' : 'all dangling images'
    if (!flags.force && !(await confirmPrune(what, io))) return {}
    await using engine = await openEngine(flags)
    const removed = await engine.images.prune({ all, filter, signal: io.signal })
    const lines = removedLines(removed)
    const list = lines === '' ? '' : `Deleted Images:\n${lines.replaceAll(/^(\w)/gm, (first) => first.toLowerCase())}\n`
    return { stdout: `${list}Total reclaimed space: ${formatSize(removed.reclaimedBytes)}\n` }
  },
}
