import { jsonOrText } from '../nodes/arguments.js'
import { commandLine } from './command-line.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const entrypoint: InstructionDefinition<'entrypoint'> = {
  kind: 'entrypoint',
  layout: jsonOrText,
  parse(node, base) {
    parseFlags(node.flags, {})
    return { kind: 'entrypoint', ...base, command: commandLine(node) }
  },
}
