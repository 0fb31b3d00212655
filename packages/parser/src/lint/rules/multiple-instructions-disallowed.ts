import type { StageInstruction } from '../../ast.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const multipleInstructionsDisallowed: LintRule = {
  name: 'MultipleInstructionsDisallowed',
  description: 'Multiple instructions of the same type should not be used in the same stage',
  url: ruleUrl('multiple-instructions-disallowed'),
  *find({ stages }) {
    for (const { steps } of stages) {
      const last = new Map<string, StageInstruction>()
      for (const { instruction } of steps) {
        const { kind, keyword } = instruction
        if (kind !== 'cmd' && kind !== 'entrypoint' && kind !== 'healthcheck') continue
        const earlier = last.get(kind)
        if (earlier !== undefined) {
          const why = 'should not be used in the same stage because only the last one will be used'
          const comments = [...earlier.comments, ...instruction.comments]
          yield at({ range: earlier.range, comments }, `Multiple ${keyword} instructions ${why}`)
        }
        last.set(kind, instruction)
      }
    }
  },
}
