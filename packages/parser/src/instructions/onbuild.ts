import type { Node } from '../nodes/node.js'
import { invalid } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

export const onbuild: InstructionDefinition<'onbuild'> = {
  kind: 'onbuild',
  layout: 'instruction',
  parse(node, base) {
    if (node.child === undefined) return invalid('ONBUILD requires at least one argument')
    parseFlags(node.flags, {})
    const trigger = node.child.keyword.toUpperCase()
    if (trigger === 'ONBUILD') invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if (trigger === 'MAINTAINER' || trigger === 'FROM') invalid(`${trigger} isn't allowed as an ONBUILD trigger`)
    return { kind: 'onbuild', ...base, expression: expression(node), trigger }
  },
}

function expression(node: Node): string {
  const line = node.original.replace(/^\s*ONBUILD\s*/i, '')
  return line + node.heredocs.map(({ content, name }) => `\n${content}${name}`).join('')
}
