import { at, type LintRule, ruleUrl } from '../rule.js'

export const noEmptyContinuation: LintRule = {
  name: 'NoEmptyContinuation',
  description: 'Empty continuation lines will become errors in a future release',
  url: ruleUrl('no-empty-continuation'),
  *find({ dockerfile: { warnings, nodes } }) {
    for (const { range } of warnings) {
      const node = nodes.find((candidate) => candidate.range.endLine >= range.startLine)
      yield at({ range, comments: node?.prevComment ?? [] }, 'Empty continuation line')
    }
  },
}
