import { collect } from '../containers/flags.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { badFlag } from '../errors.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly arch?: string
  readonly os?: string
  readonly variant?: string
  readonly osVersion?: string
  readonly osFeatures: readonly string[]
  readonly annotation: readonly string[]
}

export const manifestAnnotate: CliCommand = {
  summary: 'Change what a list says of one of its images',
  define(command) {
    command.argument('<LIST>', 'name of the list').argument('<IMAGE>', 'name or digest of the image in it')
    command.option('--arch <name>', 'architecture')
    command.option('--os <name>', 'operating system')
    command.option('--variant <name>', 'variant of the architecture')
    command.option('--os-version <text>', 'version of the operating system')
    command.option('--os-features <name>', 'feature of the operating system', collect, [])
    command.option('--annotation <key=value>', 'OCI annotation', collect, [])
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild manifest annotate --arch arm64 --variant v8 app:1 app:arm64')
  },
  async run(command) {
    const { arch, osFeatures, annotation, root, ...rest } = command.opts<Flags>()
    const [name = '', image = ''] = command.args
    await using engine = await openEngine(root === undefined ? {} : { root })
    await engine.images.manifestLists.annotate(name, image, {
      ...rest,
      ...(arch === undefined ? {} : { architecture: arch }),
      ...(osFeatures.length === 0 ? {} : { osFeatures }),
      annotations: Object.fromEntries(annotation.map(pair)),
    })
    return {}
  },
}

function pair(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals <= 0) throw badFlag('--annotation', text, 'not key=value')
  return [text.slice(0, equals), text.slice(equals + 1)]
}
