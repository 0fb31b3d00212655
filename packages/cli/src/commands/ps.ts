import type { ContainerSummary } from '@tsbuild/core'
import { containerFilter } from '../containers/filters.js'
import { collect } from '../containers/flags.js'
import { formatPorts, formatStatus } from '../containers/status.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { badFlag } from '../errors.js'
import { formatSince } from '../format/age.js'
import { type Column, formatList, type Row } from '../format/list.js'
import { truncate } from '../progress/width.js'
import type { CliCommand } from './command.js'
import { shortId } from './short-id.js'

interface Flags extends EngineFlags {
  readonly all?: boolean
  readonly filter: readonly string[]
  readonly format?: string
  readonly last?: string
  readonly latest?: boolean
  readonly quiet?: boolean
  readonly trunc: boolean
}

const columns: readonly Column[] = [
  ['CONTAINER ID', 'ID'],
  ['IMAGE', 'Image'],
  ['COMMAND', 'Command'],
  ['CREATED', 'RunningFor'],
  ['STATUS', 'Status'],
  ['PORTS', 'Ports'],
  ['NAMES', 'Names'],
]

export const ps: CliCommand = {
  summary: 'List containers',
  define(command) {
    command.option('-a, --all', 'those that do not run, too')
    command.option('-f, --filter <key=value>', 'status, name, label, ancestor, id, exited, health, …', collect, [])
    command.option('--format <format>', '"table", "json", "table TEMPLATE" or a Go template')
    command.option('-n, --last <number>', 'the newest ones, whether they run or not')
    command.option('-l, --latest', 'the newest one, whether it runs or not')
    command.option('--no-trunc', 'whole ids and commands')
    command.option('-q, --quiet', 'only the ids')
    addRootFlag(command)
    command.addHelpText(
      'after',
      "\nExample:\n  tsbuild ps -a --filter status=exited --format '{{.Names}}: {{.Status}}'",
    )
  },
  async run(command) {
    const flags = command.opts<Flags>()
    const count = flags.latest ? 1 : countOf(flags.last)
    await using engine = await openEngine(flags)
    const now = Date.now()
    const containers = await engine.containers.list({ all: true })
    const matches = containerFilter(flags.filter, { now, containers, images: () => engine.images.list() })
    const all = flags.all || count !== undefined || flags.filter.some((text) => /^(status|exited)=/.test(text))
    const shown = containers.filter((container) => (all || container.status === 'running') && matches(container))
    const rows = shown.slice(0, count).map((container) => rowOf(container, flags.trunc, now))
    if (flags.quiet) return { stdout: rows.map(({ ID }) => `${ID}\n`).join('') }
    return { stdout: formatList(rows, columns, flags.format) }
  },
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '-1') return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw badFlag('--last', text, 'not a number')
}

function rowOf(container: ContainerSummary, trunc: boolean, now: number): Row {
  const { id, name, image, command, createdAt, status, labels, mounts, network } = container
  const created = new Date(createdAt).toISOString()
  const line = command.join(' ').replaceAll(/[\n\t]/g, ' ')
  return {
    ID: trunc ? shortId(id) : id,
    Image: trunc && /^sha256:[0-9a-f]{64}$/.test(image) ? shortId(image) : image,
    Command: `"${trunc ? truncate(line, 20) : line}"`,
    RunningFor: formatSince(created, now),
    CreatedAt: created,
    Status: formatStatus(container, now),
    State: status,
    Ports: formatPorts(container),
    Names: name,
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Mounts: mounts.flatMap((mount) => (mount.kind === 'bind' ? [mount.source] : [])).join(','),
    Networks: network,
  }
}
