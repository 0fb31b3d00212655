import { suggest } from '../../suggest.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const undefinedVar: LintRule = {
  name: 'UndefinedVar',
  description: 'Variables should be defined before their use',
  url: ruleUrl('undefined-var'),
  *find({ stages }) {
    for (const { instruction, undefinedVariables } of stages.flatMap(({ steps }) => steps)) {
      for (const { name, candidates } of undefinedVariables) {
        const meant = suggest(name, candidates)
        const question = meant ? ` (did you mean $${meant}?)` : ''
        yield at(instruction, `Usage of undefined variable '$${name}'${question}`)
      }
    }
  },
}
