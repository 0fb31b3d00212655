import { at, type LintRule, ruleUrl } from '../rule.js'

export const jsonArgsRecommended: LintRule = {
  name: 'JSONArgsRecommended',
  description: 'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  url: ruleUrl('json-args-recommended'),
  *find({ stages }) {
    for (const { instruction, shellSet } of stages.flatMap(({ steps }) => steps)) {
      if (instruction.kind !== 'cmd' && instruction.kind !== 'entrypoint') continue
      if (instruction.command.form === 'exec' || shellSet) continue
      yield at(
        instruction,
        `JSON arguments recommended for ${instruction.keyword} to prevent unintended behavior related to OS signals`,
      )
    }
  },
}
