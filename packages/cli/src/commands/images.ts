import type { ImageSummary } from '@tsbuild/core'
import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatSince } from '../format/age.js'
import { type Column, formatList, type Row } from '../format/list.js'
import { formatSize } from '../format/size.js'
import { listFilter } from '../images/filters.js'
import type { CliCommand } from './command.js'
import { shortId } from './short-id.js'

interface Flags extends EngineFlags {
  readonly all?: boolean
  readonly filter: readonly string[]
  readonly quiet?: boolean
  readonly format?: string
  readonly trunc: boolean
  readonly digests?: boolean
}

export const images: CliCommand = {
  summary: 'List images',
  define(command) {
    command.argument('[REPOSITORY[:TAG]]', 'only these images; may have wildcards')
    command.option('-a, --all', 'also images without a name that others were built on')
    const filters = 'dangling=<bool>, reference=<pattern>, label=<name[=value]>, before|since=<image>, until=<time>'
    command.option('-f, --filter <key=value>', filters, collect, [])
    command.option('-q, --quiet', 'only the ids')
    command.option('--format <format>', '"table", "json", "table TEMPLATE" or a Go template')
    command.option('--no-trunc', 'whole ids')
    command.option('--digests', 'with the digests of the manifests')
    addRootFlag(command)
    command.addHelpText('after', "\nExample:\n  tsbuild images --format '{{.Repository}}:{{.Tag}} {{.Size}}'")
  },
  async run(command) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const [name] = command.args
    const filter = listFilter([...flags.filter, ...(name === undefined ? [] : [`reference=${name}`])], Date.now())
    const list = engine.images.list({ all: flags.all === true, filter })
    if (flags.quiet) {
      const ids = new Set(list.map(({ id }) => (flags.trunc ? shortId(id) : id)))
      return { stdout: [...ids].map((id) => `${id}\n`).join('') }
    }
    const rows = list.map((image) => rowOf(image, flags.trunc, Date.now()))
    return { stdout: formatList(rows, columnsOf(flags.digests === true), flags.format) }
  },
}

function columnsOf(digests: boolean): readonly Column[] {
  return [
    ['REPOSITORY', 'Repository'],
    ['TAG', 'Tag'],
    ...(digests ? ([['DIGEST', 'Digest']] as const) : []),
    ['IMAGE ID', 'ID'],
    ['CREATED', 'CreatedSince'],
    ['SIZE', 'Size'],
  ]
}

function rowOf({ repository, tag, id, digest, created, sizeBytes }: ImageSummary, trunc: boolean, now: number): Row {
  return {
    Repository: repository,
    Tag: tag,
    Digest: digest,
    ID: trunc ? shortId(id) : id,
    CreatedSince: formatSince(created, now),
    CreatedAt: created ?? '',
    Size: formatSize(sizeBytes),
  }
}
