import { wholeText } from '../nodes/arguments.js'
import { exactlyOneArgument } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const user: InstructionDefinition<'user'> = {
  kind: 'user',
  layout: wholeText,
  parse(node, base) {
    const name = exactlyOneArgument('USER', node.args)
    parseFlags(node.flags, {})
    return { kind: 'user', ...base, user: name }
  },
  expand: (instruction, expander) => ({ ...instruction, user: expander.word(instruction.user) }),
}
