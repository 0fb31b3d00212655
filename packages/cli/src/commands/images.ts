import type { ImageSummary } from '@tsbuild/core'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatSince } from '../format/age.js'
import { type Column, formatList, type Row } from '../format/list.js'
import { formatSize } from '../format/size.js'
import type { CliCommand } from './command.js'
import { shortId } from './short-id.js'

interface Flags extends EngineFlags {
  readonly quiet?: boolean
  readonly format?: string
  readonly trunc: boolean
  readonly digests?: boolean
}

export const images: CliCommand = {
  summary: 'List images',
  define(command) {
    command.argument('[REPOSITORY[:TAG]]', 'only these images')
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
    const list = engine.images.list().filter((image) => matches(image, command.args[0]))
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

function matches({ repository, tag }: ImageSummary, filter: string | undefined): boolean {
  return filter === undefined || filter === repository || filter === `${repository}:${tag}`
}
