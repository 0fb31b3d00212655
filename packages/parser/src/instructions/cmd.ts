import { jsonOrText } from '../nodes/arguments.js'
import { commandLine } from './command-line.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const cmd: InstructionDefinition<'cmd'> = {
  kind: 'cmd',
  layout: jsonOrText,
  parse(node, base) {
    parseFlags(node.flags, {})
    return { kind: 'cmd', ...base, command: commandLine(node) }
  },
}
