import type { SourceRange } from '@tsbuild/spec'
import type { ArgInstruction, Dockerfile, FromInstruction, Instruction, Stage, StageInstruction } from './ast.js'
import { ParseError } from './errors.js'
import { describedIn } from './instructions/checks.js'
import { parseInstruction } from './instructions/parse-instruction.js'
import type { Node } from './nodes/node.js'
import { type ParseOptions, parseNodes } from './nodes/parse-nodes.js'
import { decode } from './text.js'

/** Parses and validates a Dockerfile. Linear: about 20 ms for 100 KB; above 64 KB a caller may prefer a worker.
 * @throws {ParseError} with the place in `range` */
export function parseDockerfile(text: string | Uint8Array, options: ParseOptions = {}): Dockerfile {
  const file = options.file ?? 'Dockerfile'
  const source = decode(text)
  if (source === '') {
    throw new ParseError('DOCKERFILE_EMPTY', 'the Dockerfile cannot be empty', {
      range: { file, startLine: 1, endLine: 1 },
      hint: 'Start with FROM',
    })
  }
  const tree = parseNodes(source, { file })
  const metaArgs: ArgInstruction[] = []
  const drafts: StageDraft[] = []
  for (const node of tree.nodes) place(instructionOf(node), metaArgs, drafts)
  if (drafts.length === 0) {
    throw new ParseError('DOCKERFILE_EMPTY', 'dockerfile contains no stages to build', {
      range: { file, startLine: 1, endLine: tree.nodes.at(-1)?.range.endLine ?? 1 },
      hint: 'Add a FROM',
    })
  }
  const { directives, escape, nodes, warnings } = tree
  return { file, text: source, directives, escape, metaArgs, stages: drafts.map(stageOf), nodes, warnings }
}

/** The trigger of an ONBUILD, which the image config keeps as text.
 * @param options.range where to say that it stands; default its own lines
 * @throws {ParseError} */
export function parseOnbuildTrigger(
  expression: string,
  options: ParseOptions & { readonly range?: SourceRange } = {},
): StageInstruction {
  const { nodes } = parseNodes(expression, options)
  const [node] = nodes
  if (node === undefined || nodes.length !== 1) {
    throw new ParseError('INSTRUCTION_INVALID', 'onbuild trigger should be a single expression', {
      ...(options.range === undefined ? {} : { range: options.range }),
    })
  }
  const instruction = parseInstruction(options.range === undefined ? node : { ...node, range: options.range })
  if (instruction.kind !== 'from') return instruction
  throw new ParseError('INSTRUCTION_INVALID', "FROM isn't allowed as an ONBUILD trigger", { range: instruction.range })
}

interface StageDraft {
  readonly from: FromInstruction
  readonly instructions: StageInstruction[]
}

function instructionOf(node: Node): Instruction {
  try {
    return parseInstruction(node)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const { code, hint, range = node.range } = error
    throw new ParseError(code, `dockerfile parse error on line ${node.range.startLine}: ${error.message}`, {
      range,
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    })
  }
}

function place(instruction: Instruction, metaArgs: ArgInstruction[], drafts: StageDraft[]): void {
  if (instruction.kind === 'from') {
    drafts.push({ from: instruction, instructions: [] })
    return
  }
  const stage = drafts.at(-1)
  if (stage === undefined) {
    if (instruction.kind === 'arg') metaArgs.push(instruction)
    else {
      throw new ParseError('INSTRUCTION_INVALID', 'no build stage in current context', {
        range: instruction.range,
        hint: 'Only ARG may stand in front of the first FROM',
      })
    }
    return
  }
  if (instruction.kind === 'copy' && instruction.from?.includes('$')) {
    throw new ParseError(
      'INSTRUCTION_INVALID',
      'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
      { range: instruction.range },
    )
  }
  stage.instructions.push(instruction)
}

function stageOf({ from, instructions }: StageDraft, index: number): Stage {
  const { stageName, baseName, platform, range } = from
  const endLine = instructions.at(-1)?.range.endLine ?? range.endLine
  return {
    index,
    ...(stageName === undefined ? {} : { name: stageName }),
    baseName,
    ...(platform === undefined ? {} : { platform }),
    from,
    instructions,
    range: { ...range, endLine },
    ...describedIn(from.comments, stageName ?? ''),
  }
}
