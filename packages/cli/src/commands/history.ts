import type { HistoryLine } from '@tsbuild/core'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatSince } from '../format/age.js'
import { type Column, formatList, type Row } from '../format/list.js'
import { formatSize } from '../format/size.js'
import { truncate } from '../progress/width.js'
import type { CliCommand } from './command.js'
import { shortId } from './short-id.js'

interface Flags extends EngineFlags {
  readonly quiet?: boolean
  readonly format?: string
  readonly trunc: boolean
  readonly human: boolean
}

export const history: CliCommand = {
  summary: 'Show the history of an image',
  define(command) {
    command.argument('<IMAGE>', 'name or id of an image')
    command.option('-H, --human', 'sizes and dates for people (default; --human=false for machines)', true)
    command.option('--no-human', 'sizes in bytes and dates as they stand')
    command.option('-q, --quiet', 'only the ids')
    command.option('--format <format>', '"table", "json", "table TEMPLATE" or a Go template')
    command.option('--no-trunc', 'whole ids and commands')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild history --no-trunc app:latest')
  },
  async run(command) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const rows = engine.images.history(command.args[0]!).map((line) => rowOf(line, flags, Date.now()))
    if (flags.quiet) return { stdout: rows.map(({ ID }) => `${ID}\n`).join('') }
    return { stdout: formatList(rows, columnsOf(flags.human), flags.format) }
  },
}

function columnsOf(human: boolean): readonly Column[] {
  return [
    ['IMAGE', 'ID'],
    human ? ['CREATED', 'CreatedSince'] : ['CREATED AT', 'CreatedAt'],
    ['CREATED BY', 'CreatedBy'],
    ['SIZE', 'Size'],
    ['COMMENT', 'Comment'],
  ]
}

function rowOf({ id, created, created_by = '', sizeBytes, comment = '' }: HistoryLine, flags: Flags, now: number): Row {
  const by = created_by.replaceAll('\t', ' ')
  return {
    ID: id === undefined ? '<missing>' : flags.trunc ? shortId(id) : id,
    CreatedSince: formatSince(created, now),
    CreatedAt: created ?? '',
    CreatedBy: flags.trunc ? truncate(by.replaceAll('\n', ' '), 45) : by,
    Size: flags.human ? formatSize(sizeBytes) : String(sizeBytes),
    Comment: comment,
  }
}
