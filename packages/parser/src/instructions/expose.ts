import { spaceSeparated } from '../nodes/arguments.js'
import { requireArguments } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const expose: InstructionDefinition<'expose'> = {
  kind: 'expose',
  layout: spaceSeparated,
  parse(node, base) {
    requireArguments('EXPOSE', node.args)
    parseFlags(node.flags, {})
    return { kind: 'expose', ...base, ports: [...node.args].sort() }
  },
  expand: (instruction, expander) => ({
    ...instruction,
    ports: instruction.ports.flatMap((port) => expander.words(port)),
  }),
}
