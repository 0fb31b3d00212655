import { quote } from '../../text.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const workdirRelativePath: LintRule = {
  name: 'WorkdirRelativePath',
  description:
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  url: ruleUrl('workdir-relative-path'),
  *find({ stages }) {
    for (const { instruction, workdirSet } of stages.flatMap(({ steps }) => steps)) {
      if (instruction.kind !== 'workdir' || workdirSet || instruction.path.startsWith('/')) continue
      const path = quote(instruction.path)
      yield at(instruction, `Relative workdir ${path} can have unexpected results if the base image changes`)
    }
  },
}
