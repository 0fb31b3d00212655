import { at, type LintRule, ruleUrl } from '../rule.js'

export const maintainerDeprecated: LintRule = {
  name: 'MaintainerDeprecated',
  description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
  url: ruleUrl('maintainer-deprecated'),
  *find({ dockerfile }) {
    for (const instruction of dockerfile.stages.flatMap((stage) => stage.instructions)) {
      if (instruction.kind !== 'maintainer') continue
      yield at(instruction, 'Maintainer instruction is deprecated in favor of using label')
    }
  },
}
