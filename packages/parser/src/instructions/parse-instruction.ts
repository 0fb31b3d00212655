import type { Instruction, InstructionBase } from '../ast.js'
import { ParseError } from '../errors.js'
import type { Node } from '../nodes/node.js'
import { withSuggestion } from '../suggest.js'
import { trim } from '../text.js'
import { definitionOf, instructionNames } from './registry.js'

/** Gives a node its meaning. Messages are BuildKit's, without its prefix that names the line.
 * @throws {ParseError} `INSTRUCTION_UNKNOWN`, `INSTRUCTION_INVALID`, `FLAG_INVALID`; always with `range` */
export function parseInstruction(node: Node): Instruction {
  const definition = definitionOf(node.instruction)
  if (definition === undefined) {
    const message = `unknown instruction: ${node.keyword}`
    throw new ParseError(
      'INSTRUCTION_UNKNOWN',
      withSuggestion(message, node.keyword, instructionNames, { caseSensitive: false }),
      { range: node.range },
    )
  }
  try {
    return definition.parse(node, base(node))
  } catch (error) {
    throw error instanceof ParseError ? error.at(node.range) : error
  }
}

function base(node: Node): InstructionBase {
  return {
    keyword: node.keyword,
    range: node.range,
    source: node.source,
    code: trim(node.original),
    flags: node.flags,
    heredocs: node.heredocs,
    comments: node.prevComment,
  }
}
