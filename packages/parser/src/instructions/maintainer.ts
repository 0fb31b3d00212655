import { wholeText } from '../nodes/arguments.js'
import { exactlyOneArgument } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const maintainer: InstructionDefinition<'maintainer'> = {
  kind: 'maintainer',
  layout: wholeText,
  parse(node, base) {
    const name = exactlyOneArgument('MAINTAINER', node.args)
    parseFlags(node.flags, {})
    return { kind: 'maintainer', ...base, name }
  },
}
