import { parseReference } from '@tsbuild/spec'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const invalidDefaultArgInFrom: LintRule = {
  name: 'InvalidDefaultArgInFrom',
  description: 'Default value for global ARG results in an empty or invalid base image name',
  url: ruleUrl('invalid-default-arg-in-from'),
  *find({ stages }) {
    for (const { stage, defaultBaseName } of stages) {
      if (defaultBaseName === undefined || isReference(defaultBaseName)) continue
      yield at(stage.from, `Default value for ARG ${stage.baseName} results in empty or invalid base image name`)
    }
  },
}

function isReference(name: string): boolean {
  try {
    parseReference(name)
    return true
  } catch {
    return false
  }
}
