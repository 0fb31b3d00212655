import type { ArgDeclaration } from '../ast.js'
import { quotedWords } from '../nodes/arguments.js'
import { describedIn, invalid, requireArguments } from './checks.js'
import type { InstructionDefinition } from './definition.js'

/** Not expanded as a whole: a default value is looked at only where no build argument replaces it. */
export const arg: InstructionDefinition<'arg'> = {
  kind: 'arg',
  layout: quotedWords,
  parse(node, base) {
    requireArguments('ARG', node.args)
    return { kind: 'arg', ...base, args: node.args.map((word) => declaration(word, node.prevComment)) }
  },
}

function declaration(word: string, comments: readonly string[]): ArgDeclaration {
  const at = word.indexOf('=')
  if (at === 0) invalid('ARG names can not be blank')
  const key = at < 0 ? word : word.slice(0, at)
  return { key, ...(at < 0 ? {} : { value: word.slice(at + 1) }), ...describedIn(comments, key) }
}
