import type { CacheEntry } from '@tsbuild/core'
import { cacheFilter, filterHelp } from '../cache/filter.js'
import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatAge } from '../format/age.js'
import { type Column, formatList, type Row } from '../format/list.js'
import { formatSize } from '../format/size.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly filter: readonly string[]
  readonly format?: string
  readonly verbose?: boolean
}

export const du: CliCommand = {
  summary: 'Show what builds have cached, and its size',
  define(command) {
    command.option('--filter <key=value>', filterHelp, collect, [])
    command.option('--format <format>', '"table", "json", "table TEMPLATE" or a Go template')
    command.option('--verbose', 'all that is known of each entry')
    addRootFlag(command)
    const example = "tsbuild du --filter type=exec.cachemount --format '{{.ID}} {{.Size}}'"
    command.addHelpText('after', `\nExample:\n  ${example}\n\nA star marks what images or containers have, too.`)
  },
  async run(command) {
    const flags = command.opts<Flags>()
    const now = Date.now()
    const filter = cacheFilter(flags.filter, now)
    await using engine = await openEngine(flags)
    const entries = await engine.cache.list(filter)
    const totals = totalsOf(entries)
    if (flags.verbose === true && flags.format === undefined)
      return {
        stdout: `${entries.map((entry) => details(entry, now)).join('\n')}${entries.length > 0 ? '\n' : ''}${totals}`,
      }
    const list = formatList(
      entries.map((entry) => rowOf(entry, now)),
      columns,
      flags.format,
    )
    return { stdout: flags.format === undefined || flags.format === 'table' ? `${list}${totals}` : list }
  },
}

const columns: readonly Column[] = [
  ['ID', 'ID'],
  ['RECLAIMABLE', 'Reclaimable'],
  ['SIZE', 'Size'],
  ['LAST ACCESSED', 'LastUsedSince'],
  ['DESCRIPTION', 'Description'],
]

function rowOf(entry: CacheEntry, now: number): Row {
  const { id, type, description, sizeBytes, shared, inUse, createdAt, lastUsedAt, usageCount, parents } = entry
  return {
    ID: shared ? `${id}*` : id,
    Type: type,
    Reclaimable: String(!inUse),
    Shared: String(shared),
    InUse: String(inUse),
    Size: formatSize(sizeBytes),
    SizeBytes: String(sizeBytes),
    CreatedAt: new Date(createdAt).toISOString(),
    LastUsedAt: new Date(lastUsedAt).toISOString(),
    CreatedSince: `${formatAge(Math.max(0, now - createdAt))} ago`,
    LastUsedSince: `${formatAge(Math.max(0, now - lastUsedAt))} ago`,
    UsageCount: String(usageCount),
    Parents: parents.join(', '),
    Description: description,
  }
}

function details(entry: CacheEntry, now: number): string {
  const { id, type, description, sizeBytes, shared, inUse, createdAt, lastUsedAt, usageCount, parents } = entry
  const lines = [
    ['ID:', id],
    ...(parents.length === 0 ? [] : [['Parents:', parents.join(', ')]]),
    ['Created at:', new Date(createdAt).toISOString()],
    ['In use:', String(inUse)],
    ['Reclaimable:', String(!inUse)],
    ['Shared:', String(shared)],
    ['Size:', formatSize(sizeBytes)],
    ['Description:', description],
    ['Usage count:', String(usageCount)],
    ['Last used:', `${formatAge(Math.max(0, now - lastUsedAt))} ago`],
    ['Type:', type],
  ]
  return lines.map(([title = '', text]) => `${title.padEnd(14)}${text}\n`).join('')
}

/** What is shared would free nothing. */
function totalsOf(entries: readonly CacheEntry[]): string {
  const sum = (some: readonly CacheEntry[]) => formatSize(some.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0))
  const own = entries.filter(({ shared }) => !shared)
  const lines = [
    ['Shared:', sum(entries.filter(({ shared }) => shared))],
    ['Private:', sum(own)],
    ['Reclaimable:', sum(own.filter(({ inUse }) => !inUse))],
    ['Total:', sum(entries)],
  ]
  return lines.map(([title = '', size]) => `${title.padEnd(14)}${size}\n`).join('')
}
