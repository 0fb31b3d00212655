import { keyValues } from '../nodes/arguments.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'
import { expandPairs, parsePairs } from './pairs.js'

export const env: InstructionDefinition<'env'> = {
  kind: 'env',
  layout: keyValues,
  parse(node, base) {
    parseFlags(node.flags, {})
    return { kind: 'env', ...base, pairs: parsePairs('ENV', node.args) }
  },
  expand: (instruction, expander) => ({ ...instruction, pairs: expandPairs(instruction.pairs, expander) }),
}
