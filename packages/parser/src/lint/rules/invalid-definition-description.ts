import type { Instruction } from '../../ast.js'
import { trimStart } from '../../text.js'
import { checkComment } from '../check-options.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const invalidDefinitionDescription: LintRule = {
  name: 'InvalidDefinitionDescription',
  description:
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
  url: ruleUrl('invalid-definition-description'),
  experimental: true,
  *find({ dockerfile }) {
    const lines = dockerfile.text.split('\n')
    for (const instruction of [
      ...dockerfile.metaArgs,
      ...dockerfile.stages.flatMap((stage) => [stage.from, ...stage.instructions]),
    ]) {
      const names = definedNames(instruction)
      const above = lines[instruction.range.startLine - 2] ?? ''
      const comment = instruction.comments.findLast((line) => checkComment(line) === undefined)
      if (!trimStart(above).startsWith('#')) continue
      const [first] = names
      if (first === undefined || comment === undefined || names.includes(comment.split(' ')[0] ?? '')) continue
      const example = names.length > 1 ? '<arg_key>' : first
      const kind = instruction.kind.toUpperCase()
      yield at(instruction, `Comment for ${kind} should follow the format: \`# ${example} <description>\``)
    }
  },
}

function definedNames(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'arg') return instruction.args.map(({ key }) => key)
  return instruction.kind === 'from' && instruction.stageName !== undefined ? [instruction.stageName] : []
}
