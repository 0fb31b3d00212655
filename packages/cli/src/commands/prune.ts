import type { CacheEntry } from '@tsbuild/core'
import { cacheFilter, filterHelp } from '../cache/filter.js'
import { confirmPrune } from '../confirm-prune.js'
import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { badFlag } from '../errors.js'
import { formatSize, parseBytes } from '../format/size.js'
import { formatTable } from '../format/table.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly all?: boolean
  readonly force?: boolean
  readonly filter: readonly string[]
  readonly keepStorage?: string
  readonly reservedSpace?: string
  readonly maxUsedSpace?: string
  readonly minFreeSpace?: string
  readonly maxAge?: string
}

export const prune: CliCommand = {
  summary: 'Remove what builds have cached',
  define(command) {
    command.option('-a, --all', 'also what images or containers have, too')
    command.option('--filter <key=value>', filterHelp, collect, [])
    command.option('-f, --force', 'do not ask')
    command.option('--reserved-space <bytes>', 'keep so much in any case, e.g. 2gb')
    command.option('--keep-storage <bytes>', 'the older name of --reserved-space')
    command.option('--max-used-space <bytes>', 'keep no more than this')
    command.option('--min-free-space <bytes>', 'remove until so much of the disk is free')
    command.option('--max-age <duration>', 'only what was not used for so long: unused-for of --filter')
    addRootFlag(command)
    const example = 'tsbuild prune -f --filter unused-for=48h\n  tsbuild prune -f --max-used-space 10gb'
    command.addHelpText('after', `\nExample:\n  ${example}\n\nWhat was not used for the longest time goes first.`)
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const { all = false, force = false, reservedSpace, keepStorage, maxUsedSpace, minFreeSpace, maxAge } = flags
    const age = maxAge === undefined ? [] : [`unused-for=${maxAge}`]
    const filter = cacheFilter([...flags.filter, ...age], Date.now())
    const reserved = bytes('--reserved-space', reservedSpace) ?? bytes('--keep-storage', keepStorage)
    const most = bytes('--max-used-space', maxUsedSpace)
    const free = bytes('--min-free-space', minFreeSpace)
    const what = `${all ? 'all' : 'all dangling'} build cache`
    if (!force && !(await confirmPrune(what, io))) return {}
    await using engine = await openEngine(flags)
    const { entries, reclaimedBytes } = await engine.cache.prune({
      all,
      filter,
      signal: io.signal,
      ...(reserved === undefined ? {} : { reservedBytes: reserved }),
      ...(most === undefined ? {} : { maxUsedBytes: most }),
      ...(free === undefined ? {} : { minFreeBytes: free }),
    })
    return { stdout: `${entries.length === 0 ? '' : table(entries)}Total:\t${formatSize(reclaimedBytes)}\n` }
  },
}

function table(entries: readonly CacheEntry[]): string {
  const rows = entries.map(({ id, shared, sizeBytes, description }) => [
    shared ? `${id}*` : id,
    formatSize(sizeBytes),
    description,
  ])
  return formatTable([['ID', 'SIZE', 'DESCRIPTION'], ...rows])
}

function bytes(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = parseBytes(text)
  if (value === undefined) throw badFlag(flag, text, 'not a size', 'e.g. 512mb or 10gb')
  return value
}
