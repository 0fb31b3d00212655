import { jsonOrSpaceSeparated } from '../nodes/arguments.js'
import type { InstructionDefinition } from './definition.js'
import { expandFiles, parseFiles } from './files.js'
import { parseFlags } from './flags.js'

export const copy: InstructionDefinition<'copy'> = {
  kind: 'copy',
  layout: jsonOrSpaceSeparated,
  heredocs: true,
  parse(node, base) {
    const files = parseFiles('COPY', node)
    const flags = parseFlags(node.flags, {
      chown: 'string',
      from: 'string',
      chmod: 'string',
      link: 'boolean',
      exclude: 'strings',
      parents: 'boolean',
    })
    const { chown, chmod, from } = flags
    return {
      kind: 'copy',
      ...base,
      ...files,
      ...(from ? { from } : {}),
      ...(chown ? { chown } : {}),
      ...(chmod ? { chmod } : {}),
      link: flags.link ?? false,
      exclude: flags.exclude,
      parents: flags.parents ?? false,
    }
  },
  expand: expandFiles,
}
