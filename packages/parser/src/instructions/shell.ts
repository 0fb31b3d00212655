import { jsonOrText } from '../nodes/arguments.js'
import { invalid, requireArguments } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const shell: InstructionDefinition<'shell'> = {
  kind: 'shell',
  layout: jsonOrText,
  parse(node, base) {
    parseFlags(node.flags, {})
    requireArguments('SHELL', node.args)
    if (!node.json) invalid('SHELL requires the arguments to be in JSON form', 'Write SHELL ["executable", "-option"]')
    return { kind: 'shell', ...base, shell: node.args }
  },
}
