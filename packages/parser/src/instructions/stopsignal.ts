import { wholeText } from '../nodes/arguments.js'
import { exactlyOneArgument } from './checks.js'
import type { InstructionDefinition } from './definition.js'

export const stopsignal: InstructionDefinition<'stopsignal'> = {
  kind: 'stopsignal',
  layout: wholeText,
  parse(node, base) {
    return { kind: 'stopsignal', ...base, signal: exactlyOneArgument('STOPSIGNAL', node.args) }
  },
  expand: (instruction, expander) => ({ ...instruction, signal: expander.word(instruction.signal) }),
}
