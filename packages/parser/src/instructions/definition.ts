import type { Instruction, InstructionBase, InstructionKind } from '../ast.js'
import type { ArgumentLayout } from '../nodes/arguments.js'
import type { Node } from '../nodes/node.js'

/** What an instruction's words are expanded with. */
export interface Expander {
  /** One word stays one word. */
  word(text: string): string
  /** White space outside quotes splits. */
  words(text: string): readonly string[]
  /** Variables only: quotes are plain characters. */
  body(text: string): string
}

/** Everything that is particular to one instruction. */
export interface InstructionDefinition<Kind extends InstructionKind = InstructionKind> {
  readonly kind: Kind
  /** How its arguments are split; `instruction` for one that has another instruction behind it. */
  readonly layout: ArgumentLayout | 'instruction'
  /** Whether it may have here-documents. */
  readonly heredocs?: boolean
  /** Validates and gives meaning. @throws {ParseError} */
  parse(node: Node, base: InstructionBase): Extract<Instruction, { readonly kind: Kind }>
  /** Expands what BuildKit expands in it; absent: nothing. @throws {ParseError} */
  expand?(
    instruction: Extract<Instruction, { readonly kind: Kind }>,
    expander: Expander,
  ): Extract<Instruction, { readonly kind: Kind }>
}
