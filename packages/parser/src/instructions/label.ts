import { keyValues } from '../nodes/arguments.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'
import { expandPairs, parsePairs } from './pairs.js'

export const label: InstructionDefinition<'label'> = {
  kind: 'label',
  layout: keyValues,
  parse(node, base) {
    parseFlags(node.flags, {})
    return { kind: 'label', ...base, pairs: parsePairs('LABEL', node.args) }
  },
  expand: (instruction, expander) => ({ ...instruction, pairs: expandPairs(instruction.pairs, expander) }),
}
