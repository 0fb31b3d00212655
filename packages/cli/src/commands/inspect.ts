import type { ImageDetails } from '@tsbuild/core'
import { familiarReference, familiarRepository, parseReference } from '@tsbuild/spec'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { compileTemplate } from '../template/render.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly format?: string
}

export const inspect: CliCommand = {
  summary: 'Show details of images as JSON',
  define(command) {
    command.argument('<IMAGE...>', 'names or ids of images')
    command.option('-f, --format <format>', '"json" or a Go template')
    addRootFlag(command)
    command.addHelpText('after', "\nExample:\n  tsbuild inspect --format '{{json .Config.Env}}' app:latest")
  },
  async run(command) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const found = command.args.map((name) => dockerShape(engine.images.inspect(name)))
    const { format = '' } = flags
    if (format === '') return { stdout: `${JSON.stringify(found, null, 4)}\n` }
    const render = format === 'json' ? (value: unknown) => JSON.stringify(value) : compileTemplate(format)
    return { stdout: found.map((image) => `${render(image)}\n`).join('') }
  },
}

/** An image as `docker image inspect` shows it. */
export function dockerShape({ id, digest, names, config, manifest, sizeBytes }: ImageDetails) {
  const references = names.map(parseReference)
  const repositories = new Set(references.map(familiarRepository))
  const variant = config.variant === undefined ? {} : { Variant: config.variant }
  return {
    Id: id,
    RepoTags: references
      .filter(({ tag }) => tag !== undefined)
      .map(({ digest: _, ...rest }) => familiarReference(rest)),
    RepoDigests: [...repositories].map((repository) => `${repository}@${digest}`),
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? '',
    Author: config.author ?? '',
    Config: config.config ?? {},
    Architecture: config.architecture,
    ...variant,
    Os: config.os,
    Size: sizeBytes,
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Descriptor: { mediaType: manifest.mediaType ?? '', digest },
  }
}
