import { jsonOrSpaceSeparated } from '../nodes/arguments.js'
import type { InstructionDefinition } from './definition.js'
import { expandFiles, parseFiles } from './files.js'
import { parseFlags } from './flags.js'

export const add: InstructionDefinition<'add'> = {
  kind: 'add',
  layout: jsonOrSpaceSeparated,
  heredocs: true,
  parse(node, base) {
    const files = parseFiles('ADD', node)
    const flags = parseFlags(node.flags, {
      chown: 'string',
      chmod: 'string',
      link: 'boolean',
      exclude: 'strings',
      checksum: 'string',
      'keep-git-dir': 'boolean',
      unpack: 'boolean',
    })
    const { chown, chmod, checksum, unpack } = flags
    const keepGitDir = flags['keep-git-dir']
    return {
      kind: 'add',
      ...base,
      ...files,
      ...(chown ? { chown } : {}),
      ...(chmod ? { chmod } : {}),
      ...(checksum ? { checksum } : {}),
      ...(keepGitDir === undefined ? {} : { keepGitDir }),
      ...(unpack === undefined ? {} : { unpack }),
      link: flags.link ?? false,
      exclude: flags.exclude,
    }
  },
  expand(instruction, expander) {
    const expanded = expandFiles(instruction, expander)
    const { checksum } = expanded
    return checksum === undefined ? expanded : { ...expanded, checksum: expander.word(checksum) }
  },
}
