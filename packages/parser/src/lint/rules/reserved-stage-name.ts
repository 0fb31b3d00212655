import { quote } from '../../text.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const reservedStageName: LintRule = {
  name: 'ReservedStageName',
  description: 'Reserved words should not be used as stage names',
  url: ruleUrl('reserved-stage-name'),
  *find({ stages }) {
    for (const { stage } of stages) {
      if (stage.name !== 'context' && stage.name !== 'scratch') continue
      yield at(stage.from, `Stage name should not use the same name as reserved stage ${quote(stage.name)}`)
    }
  },
}
