import type { Instruction as PieceInstruction } from 'dockerfile-ast'
import { ParseError } from '../errors.js'
import type { Node } from '../nodes/node.js'
import { type NodeTree, parseNodes } from '../nodes/parse-nodes.js'
import { decode } from '../text.js'

/** A place between two characters; both numbers are 0-based, as the language server protocol has them. */
export interface EditorPosition {
  readonly line: number
  readonly character: number
}

export interface EditorRange {
  readonly start: EditorPosition
  readonly end: EditorPosition
}

/** A piece of text with its place. */
export interface EditorToken {
  readonly text: string
  readonly range: EditorRange
}

export interface EditorFlag {
  readonly name: EditorToken
  readonly value?: EditorToken
  readonly range: EditorRange
}

export interface EditorVariable {
  readonly name: EditorToken
  /** With `$` and braces. */
  readonly range: EditorRange
  /** `-`, `+`, `?` … of `${name:-word}`. */
  readonly modifier?: string
}

/** An instruction with the places of what is in it. */
export interface EditorInstruction {
  readonly keyword: EditorToken
  readonly range: EditorRange
  readonly flags: readonly EditorFlag[]
  readonly arguments: readonly EditorToken[]
  readonly variables: readonly EditorVariable[]
}

/** A Dockerfile for editors: highlighting, renaming, diagnostics under the right characters. */
export interface EditorAst {
  readonly instructions: readonly EditorInstruction[]
  /** Why the file can't be parsed as a whole, if it can't. The instructions are then those that dockerfile-ast makes out. */
  readonly error?: ParseError
}

/** Finds the columns of keywords, flags, arguments and variables, also in a file that is being typed. Never throws.
 *
 * Where instructions begin and end is what {@link parseNodes} says; dockerfile-ast looks inside each of them alone,
 * so that it can take nothing for a heredoc that is none, and its cost stays linear. Loaded when it is first called. */
export async function editorAst(text: string | Uint8Array): Promise<EditorAst> {
  const { DockerfileParser } = await import('dockerfile-ast')
  const source = decode(text)
  const pieces = (piece: string, shift: number): EditorInstruction[] =>
    DockerfileParser.parse(piece)
      .getInstructions()
      .map((instruction) => describe(instruction, shift))
  let tree: NodeTree
  try {
    tree = parseNodes(source)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    return { instructions: pieces(source, 0), error }
  }
  const head = tree.escape === '`' ? '# escape=`\n' : ''
  const instructions = tree.nodes.flatMap((node) => {
    const shift = node.range.startLine - 1 - (head === '' ? 0 : 1)
    return pieces(head + bodyless(node), shift).slice(0, 1)
  })
  return { instructions }
}

/** The lines of an instruction without its heredoc bodies, whose words are not arguments. */
function bodyless({ source, heredocs }: Node): string {
  const bodyLines = heredocs.reduce((sum, { content }) => sum + content.split('\n').length, 0)
  const lines = source.split('\n')
  return lines.slice(0, Math.max(1, lines.length - bodyLines)).join('\n')
}

interface LspRange {
  readonly start: EditorPosition
  readonly end: EditorPosition
}

function describe(instruction: PieceInstruction, shift: number): EditorInstruction {
  const place = (range: LspRange): EditorRange => ({ start: moved(range.start, shift), end: moved(range.end, shift) })
  const token = (text: string, range: LspRange): EditorToken => ({ text, range: place(range) })
  return {
    keyword: token(instruction.getInstruction(), instruction.getInstructionRange()),
    range: place(instruction.getRange()),
    flags: orNone(() => flagsOf(instruction)).map((flag) => {
      const [value, valueRange] = [flag.getValue(), flag.getValueRange()]
      const given = value === null || valueRange === null ? {} : { value: token(value, valueRange) }
      return { name: token(flag.getName(), flag.getNameRange()), ...given, range: place(flag.getRange()) }
    }),
    arguments: orNone(() => instruction.getArguments()).map((argument) =>
      token(argument.getValue(), argument.getRange()),
    ),
    variables: orNone(() => instruction.getVariables()).map((variable) => {
      const modifier = variable.getModifier()
      return {
        name: token(variable.getName(), variable.getNameRange()),
        range: place(variable.getRange()),
        ...(modifier ? { modifier } : {}),
      }
    }),
  }
}

/** dockerfile-ast trips over some half-typed lines (`HEALTHCHECK --interval=$FROM`): then these have no places. */
function orNone<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list()
  } catch {
    return []
  }
}

type PieceFlag = ReturnType<import('dockerfile-ast').Copy['getFlags']>[number]

/** Only some classes of dockerfile-ast have flags. */
function flagsOf(instruction: PieceInstruction): readonly PieceFlag[] {
  return 'getFlags' in instruction && typeof instruction.getFlags === 'function' ? instruction.getFlags() : []
}

function moved({ line, character }: EditorPosition, shift: number): EditorPosition {
  return { line: line + shift, character }
}
