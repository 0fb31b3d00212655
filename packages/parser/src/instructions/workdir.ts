import { wholeText } from '../nodes/arguments.js'
import { exactlyOneArgument } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const workdir: InstructionDefinition<'workdir'> = {
  kind: 'workdir',
  layout: wholeText,
  parse(node, base) {
    const path = exactlyOneArgument('WORKDIR', node.args)
    parseFlags(node.flags, {})
    return { kind: 'workdir', ...base, path }
  },
  expand: (instruction, expander) => ({ ...instruction, path: expander.word(instruction.path) }),
}
