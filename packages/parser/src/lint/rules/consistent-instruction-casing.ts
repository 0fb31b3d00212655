import { at, type LintRule, ruleUrl } from '../rule.js'

export const consistentInstructionCasing: LintRule = {
  name: 'ConsistentInstructionCasing',
  description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
  url: ruleUrl('consistent-instruction-casing'),
  *find({ dockerfile }) {
    const instructions = dockerfile.stages.flatMap((stage) => [stage.from, ...stage.instructions])
    const keywords = instructions.map(({ keyword }) => keyword)
    const lower = keywords.filter((keyword) => keyword === keyword.toLowerCase()).length
    const upper = keywords.filter((keyword) => keyword === keyword.toUpperCase()).length
    const casing = lower > upper ? 'lowercase' : 'uppercase'
    for (const instruction of instructions) {
      const { keyword } = instruction
      const wanted = lower > upper ? keyword.toLowerCase() : keyword.toUpperCase()
      if (keyword === wanted) continue
      yield at(instruction, `Command '${keyword}' should match the case of the command majority (${casing})`)
    }
  },
}
