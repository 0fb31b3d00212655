import { at, type LintRule, ruleUrl } from '../rule.js'

export const stageNameCasing: LintRule = {
  name: 'StageNameCasing',
  description: 'Stage names should be lowercase',
  url: ruleUrl('stage-name-casing'),
  *find({ stages }) {
    for (const { stage } of stages) {
      const name = stage.from.stageNameSource
      if (name === undefined || name === name.toLowerCase()) continue
      yield at(stage.from, `Stage name '${name}' should be lowercase`)
    }
  },
}
