import { at, type LintRule, ruleUrl } from '../rule.js'

export const fromAsCasing: LintRule = {
  name: 'FromAsCasing',
  description: "The 'as' keyword should match the case of the 'from' keyword",
  url: ruleUrl('from-as-casing'),
  *find({ stages }) {
    for (const { stage } of stages) {
      const { keyword, asKeyword } = stage.from
      if (asKeyword === undefined || matches(keyword, asKeyword)) continue
      yield at(stage.from, `'${asKeyword}' and '${keyword}' keywords' casing do not match`)
    }
  },
}

function matches(from: string, as: string): boolean {
  if (from === from.toLowerCase()) return as === as.toLowerCase()
  return from !== from.toUpperCase() || as === as.toUpperCase()
}
