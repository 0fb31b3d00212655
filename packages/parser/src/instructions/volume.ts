import { jsonOrSpaceSeparated } from '../nodes/arguments.js'
import { trim } from '../text.js'
import { invalid, requireArguments } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const volume: InstructionDefinition<'volume'> = {
  kind: 'volume',
  layout: jsonOrSpaceSeparated,
  parse(node, base) {
    requireArguments('VOLUME', node.args)
    parseFlags(node.flags, {})
    const volumes = node.args.map(trim)
    if (volumes.includes('')) invalid('VOLUME specified can not be an empty string')
    return { kind: 'volume', ...base, volumes }
  },
  expand: (instruction, expander) => ({
    ...instruction,
    volumes: instruction.volumes.map((path) => expander.word(path)),
  }),
}
