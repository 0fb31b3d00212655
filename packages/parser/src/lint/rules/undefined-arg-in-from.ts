import { withSuggestion } from '../../suggest.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const undefinedArgInFrom: LintRule = {
  name: 'UndefinedArgInFrom',
  description: 'FROM command must use declared ARGs',
  url: ruleUrl('undefined-arg-in-from'),
  *find({ stages, globals }) {
    for (const { stage, baseName, platform } of stages) {
      for (const name of [...baseName.unmatched, ...(platform?.unmatched ?? [])]) {
        if (globals.names.has(name)) continue
        yield at(stage.from, withSuggestion(`FROM argument '${name}' is not declared`, name, globals.names))
      }
    }
  },
}
