import { quote } from '../../text.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const duplicateStageName: LintRule = {
  name: 'DuplicateStageName',
  description: 'Stage names should be unique',
  url: ruleUrl('duplicate-stage-name'),
  *find({ stages }) {
    const seen = new Set<string>()
    for (const { stage } of stages) {
      if (stage.name === undefined) continue
      if (seen.has(stage.name)) {
        yield at(stage.from, `Duplicate stage name ${quote(stage.name)}, stage names should be unique`)
      }
      seen.add(stage.name)
    }
  },
}
