import { finished } from 'node:stream/promises'
import type { ArchiveFormat } from '@tsbuild/core'
import { Option } from 'commander'
import { binaryStdout } from '../binary-stdout.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import { createArchiveView } from '../progress/archive-view.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly output?: string
  readonly format: ArchiveFormat
  readonly compress?: 'gzip' | 'zstd'
  readonly quiet?: boolean
}

const formats: readonly ArchiveFormat[] = ['docker-archive', 'oci-archive', 'oci-dir']

export const save: CliCommand = {
  summary: 'Write images into an archive',
  define(command) {
    command.argument('<IMAGE...>', 'names or ids; a repository alone stands for all of its tags')
    command.option('-o, --output <path>', 'file, or directory for oci-dir (default: standard output)')
    const format = new Option('--format <format>', 'docker-archive (default), oci-archive or oci-dir')
    command.addOption(format.choices(formats).default('docker-archive'))
    command.addOption(new Option('--compress <method>', 'compress the tar: gzip or zstd').choices(['gzip', 'zstd']))
    command.option('-q, --quiet', 'no progress')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild save --compress gzip -o images.tar.gz app:1.0 db:2')
  },
  async run(command, io) {
    const { output, format, compress, quiet, ...flags } = command.opts<Flags>()
    if (format === 'oci-dir' && output === undefined)
      throw new CliError('USAGE', 'Cannot save as oci-dir: no directory is named', { hint: 'Name it with --output' })
    if (format === 'oci-dir' && compress !== undefined)
      throw new CliError('USAGE', 'Cannot save as oci-dir: a directory is not compressed')
    const stream =
      output === undefined || output === '-'
        ? binaryStdout(io.stdout, 'Redirect it, or name a file: -o images.tar')
        : undefined
    const view = createArchiveView(io, quiet === true)
    try {
      await using engine = await openEngine(flags)
      await engine.images.save(command.args, stream ?? output ?? '', {
        format,
        ...(compress === undefined ? {} : { compression: compress }),
        signal: io.signal,
        onEvent: view.handle,
      })
      if (stream !== undefined) await finished(stream.end())
      return {}
    } finally {
      view.close()
    }
  },
}
